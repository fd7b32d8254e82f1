import '@tensorflow/tfjs-backend-wasm'
import { largestDifference } from '@dino/fixtures'
import { loadGraphModel } from '@tensorflow/tfjs-converter'
import * as tf from '@tensorflow/tfjs-core'
import { io } from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { type GraphModelFiles, graphModel } from './graph-model.js'
import { networkCases, ofBatch } from './networks.fixture.js'

await tf.setBackend('wasm') // before the cases, which hold tensors

/** As a browser gets them: model.json, then the shards that it names. */
function served(files: GraphModelFiles): io.IOHandler {
  return {
    load: async () => {
      const json = JSON.parse(String(files['model.json'])) as io.ModelJSON
      return io.getModelArtifactsForJSON(json, async (manifest) => {
        const shards = manifest.flatMap(({ paths }) => paths.map((path) => files[path] as Uint8Array))
        return [io.getWeightSpecs(manifest), new Uint8Array(Buffer.concat(shards)).buffer]
      })
    },
  }
}

test.each(networkCases())('TensorFlow.js gives what the reference gives: $name', async (each) => {
  const model = await loadGraphModel(served(graphModel(each.network, {})))
  const names = Object.keys((model.modelSignature as { outputs: object }).outputs)
  expect(names.toSorted()).toEqual(Object.keys(each.expected).sort())
  for (const { images, expected } of [ofBatch(1, each), ofBatch(3, each)]) {
    const nchw = tf.tensor(images.data, images.shape)
    const results = model.predict({ images: tf.transpose(nchw, [0, 2, 3, 1]) })
    const tensors = Array.isArray(results) ? results : [results as tf.Tensor]
    for (const [name, { shape, data }] of Object.entries(expected)) {
      const result = tensors[names.indexOf(name)]!
      expect(result.shape, name).toEqual(shape)
      expect(largestDifference(result.dataSync(), data), name).toBeLessThan(1e-4)
    }
  }
  model.dispose()
})

test('weights come in files of at most 4 MiB, all of which the model names', () => {
  const { network } = networkCases()[0]!
  const data = new Float32Array(1.5 * 2 ** 20).fill(1)
  const name = network.operations.flatMap((each) => (each.type === 'linear' ? [each.weight] : []))[0]!
  const files = graphModel(
    { ...network, weights: { ...network.weights, [name]: { dtype: 'float32', shape: [1, data.length], data } } },
    { patch_size: '8' },
  )
  const { 'model.json': json, ...shards } = files
  const { weightsManifest, userDefinedMetadata } = JSON.parse(String(json))
  expect(Object.keys(shards)).toEqual(weightsManifest[0].paths)
  const sizes = Object.values(shards).map(({ length }) => length)
  expect(sizes[0]).toBe(4 * 2 ** 20)
  expect(sizes).toHaveLength(2)
  expect(userDefinedMetadata).toEqual({ patch_size: '8' })
})
