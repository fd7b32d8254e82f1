import { largestDifference } from '@dino/fixtures'
import * as ort from 'onnxruntime-web'
import { beforeAll, expect, test } from 'vitest'
import type { Network } from './network.js'
import { networkCases, ofBatch } from './networks.fixture.js'
import { onnxModel } from './onnx.js'

beforeAll(() => {
  ort.env.wasm.numThreads = 1
})

const bytesOf = (network: Network) => new Uint8Array(Buffer.concat(onnxModel(network, { patch_size: '8' })))

test.each(networkCases())('ONNX Runtime gives what the reference gives: $name', async (each) => {
  const session = await ort.InferenceSession.create(bytesOf(each.network))
  expect(session.inputNames).toEqual(['images'])
  expect(session.outputNames.toSorted()).toEqual(Object.keys(each.expected).sort())
  for (const { images, expected } of [ofBatch(1, each), ofBatch(3, each)]) {
    const results = await session.run({ images: new ort.Tensor('float32', images.data, images.shape) })
    for (const [name, { shape, data }] of Object.entries(expected)) {
      expect(results[name]!.dims, name).toEqual(shape)
      expect(largestDifference(results[name]!.data as Float32Array, data), name).toBeLessThan(1e-4)
    }
  }
})

test('images of another size are refused by the model, not computed wrongly', async () => {
  const { network, images } = networkCases()[0]!
  const session = await ort.InferenceSession.create(bytesOf(network))
  const [B, C, height, width] = images.shape as [number, number, number, number]
  const larger = new ort.Tensor('float32', new Float32Array(B * C * (height + 8) * width), [B, C, height + 8, width])
  await expect(session.run({ images: larger })).rejects.toThrow('invalid dimensions')
})
