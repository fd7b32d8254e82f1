import { type Features, jaccard, knnClassify, massMask, retrievalTop1 } from '@dino/eval'
import { stream } from '@dino/random'
import { type AttentionScores, attentionJaccard, MASS } from '../inspect/attention-scores.js'
import { histogramFeatures, pixelFeatures } from './baselines.js'
import type { Emoji } from './dataset.js'
import { compositeOn, type Rgb, resizedCrop, stack, whole } from './image.js'
import { cropQueries } from './queries.js'
import { makeScenes, type Scene } from './scenes.js'

/** Neighbours that vote on a category. */
export const NEIGHBOURS = 10

/** What a network is asked, the same before and after training. */
export interface EvaluationSet {
  /** Every object on white, [size, size, 3] each. */
  images: Rgb[]
  labels: number[]
  train: number[]
  test: number[]
  /** A crop of each of the images. */
  queries: Rgb[]
  /** Objects of the test set on cluttered grounds. */
  scenes: Scene[]
}

export interface EvaluationOptions {
  /** Pixels of a side of images and queries: what the network was trained on. */
  size: number
  /** Pixels of a side of a scene. */
  sceneSize: number
  patchSize: number
  scenes: number
  seed: number
  ground?: 'clutter' | 'plain'
}

export function makeEvaluationSet(
  { items, train, test }: Emoji,
  { size, sceneSize, patchSize, scenes, seed, ground }: EvaluationOptions,
): EvaluationSet {
  const originals = items.map(({ rgba }) => compositeOn(rgba))
  const [objects, clutter] = [test, train].map((indices) => indices.map((i) => items[i].rgba))
  const images = originals.map((image) => (image.width === size ? image : resizedCrop(image, whole(image), size)))
  const queries = cropQueries(originals, { size, seed })
  const placed = makeScenes({ objects, clutter, count: scenes, size: sceneSize, patchSize, seed, ground })
  // A scene names its object by its place among all items.
  for (const scene of placed) scene.object = test[scene.object]
  return { images, labels: items.map(({ label }) => label), train, test, queries, scenes: placed }
}

export interface Network {
  /** [images, size, size, 3] uint8, any number of images, to features [images, D]. */
  embed(images: Uint8Array): Promise<Float32Array>
  /** [scenes, size, size, 3] uint8 to the attention of [CLS] to the patches in the last block, [scenes, heads, patches]. */
  attention(images: Uint8Array): Promise<Float32Array>
}

export interface NetworkScores {
  /** Category of the test objects by their 10 nearest training objects, percent. */
  knn: number
  /** Objects found first among all by a crop of them, percent. */
  retrieval: number
  attention: AttentionScores
}

/** Everything that the demo says about a network. */
export async function measureNetwork(set: EvaluationSet, { embed, attention }: Network): Promise<NetworkScores> {
  const features = rowsOf(await embed(stack(set.images)), set.images.length)
  const queries = rowsOf(await embed(stack(set.queries)), set.queries.length)
  const maps = await attention(stack(set.scenes.map(({ image }) => image)))
  return {
    knn: categoryKnn(features, set),
    retrieval: cropRetrieval(features, queries),
    attention: attentionJaccard(
      maps,
      set.scenes.map(({ mask }) => mask),
    ),
  }
}

export interface BaselineScores {
  /** Pixels less their mean. */
  pixels: { knn: number; retrieval: number }
  /** 64 colours, no shape. */
  histogram: { knn: number; retrieval: number }
  /** Always the largest category; any object. */
  chance: { knn: number; retrieval: number }
  /** Jaccard of masks that hold 60 % of attention that looks nowhere, or at the middle, whatever the scene. */
  attention: { random: number; centre: number }
}

/** The same questions put to what nobody trained. */
export function measureBaselines(set: EvaluationSet, seed = 0): BaselineScores {
  const trainImages = set.train.map((i) => set.images[i])
  const score = (describe: (images: readonly Rgb[]) => Features) => {
    const features = describe(set.images)
    return { knn: categoryKnn(features, set), retrieval: cropRetrieval(features, describe(set.queries)) }
  }
  return {
    pixels: score((images) => pixelFeatures(images, trainImages)),
    histogram: score(histogramFeatures),
    chance: { knn: largestCategory(set), retrieval: 100 / set.images.length },
    attention: {
      random: blindJaccard(set.scenes, (scene, patches) => {
        const draws = stream(seed, 'random attention', scene)
        return Float32Array.from({ length: patches }, () => draws.uniform())
      }),
      centre: blindJaccard(set.scenes, (_, patches) => centred(patches)),
    },
  }
}

/** Test accuracy of the category among training objects, percent. @param features a row for each of the set's images */
export function categoryKnn(features: Features, { train, test, labels }: EvaluationSet): number {
  const of = (indices: number[]) => indices.map((i) => labels[i])
  return knnClassify({
    train: select(features, train),
    trainLabels: of(train),
    test: select(features, test),
    testLabels: of(test),
    k: [NEIGHBOURS],
  })[NEIGHBOURS].top1
}

/** Percent of the queries, row i a crop of object i, whose nearest object is the right one. */
export function cropRetrieval(objects: Features, queries: Features): number {
  return retrievalTop1(queries, objects, [...Array(queries.rows).keys()])
}

function blindJaccard(scenes: readonly Scene[], look: (scene: number, patches: number) => Float32Array): number {
  let sum = 0
  for (const [i, { mask }] of scenes.entries()) sum += jaccard(massMask(look(i, mask.length), MASS), mask)
  return sum / scenes.length
}

/** A round hill in the middle of a square grid, a quarter of the side wide. */
function centred(patches: number): Float32Array {
  const grid = Math.sqrt(patches)
  const away = (i: number) => ((i + 0.5) / grid - 0.5) / 0.25
  return Float32Array.from({ length: patches }, (_, i) =>
    Math.exp(-(away(i % grid) ** 2 + away(Math.floor(i / grid)) ** 2) / 2),
  )
}

function largestCategory({ train, test, labels }: EvaluationSet): number {
  const counts = new Map<number, number>()
  for (const i of train) counts.set(labels[i], (counts.get(labels[i]) ?? 0) + 1)
  const [largest] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))
  return (100 * test.filter((i) => labels[i] === largest).length) / test.length
}

function select({ data, dim }: Features, indices: readonly number[]): Features {
  const selected = new Float32Array(indices.length * dim)
  for (const [row, i] of indices.entries()) selected.set(data.subarray(i * dim, (i + 1) * dim), row * dim)
  return { data: selected, rows: indices.length, dim }
}

function rowsOf(data: Float32Array, rows: number): Features {
  return { data, rows, dim: data.length / rows }
}
