import { availableParallelism } from 'node:os'
import * as vit from '@dino/vit'
import { Failure } from '../failure.js'
import { forward, type Product } from '../step/products.js'
import { evaluation as defaults } from './defaults.js'
import { writeKnn } from './knn.js'
import type { EvalTiming } from './timing.js'
import { clipDifference, clips, writeClip } from './video.js'

/** One comparison: what both sides do, and how to start either. */
export interface Measure {
  name: string
  what: string
  needsPhotos?: boolean
  /** Writes what both sides read. */
  prepare(folder: string): void
  /** Arguments of `eval-child`. */
  ours(folder: string): string[]
  /** A script of peers/, and its arguments. */
  peer(folder: string): [string, ...string[]]
  /** The products that either side has to make, where they are most of the work, and in which precision. */
  products?: { all: readonly Product[]; precision: 'fp32' | 'bf16' }
  /** How far the results of both are apart, where they are results. */
  difference?(folder: string, ours: EvalTiming, peer: EvalTiming): { value: number; unit: string }
}

export interface Sizes {
  repeats: number
  train: number
  queries: number
  batch: number
  batches: number
  images: number
  photos: string
}

/** Queries that are multiplied at a time, as ours are. */
const QUERIES = 256

/** The comparisons of some words: `knn`, `features`, `video`. */
export function measuresOf(names: readonly string[], sizes: Sizes): Measure[] {
  const wanted = names.length > 0 ? names : defaults.measures
  const unknown = wanted.filter((name) => !defaults.measures.includes(name))
  if (unknown.length > 0)
    throw new Failure(`There is no measure ${unknown[0]}: choose of ${defaults.measures.join(', ')}.`, 2)
  return [
    ...(wanted.includes('knn') ? [knn(sizes)] : []),
    ...(wanted.includes('features') ? features(sizes) : []),
    ...(wanted.includes('video') ? Object.keys(clips).map((name) => video(name, sizes)) : []),
  ]
}

function knn({ train, queries, repeats }: Sizes): Measure {
  const { dim, classes } = defaults
  const shared = list({ dim, classes, repeats })
  return {
    name: 'k-NN',
    what: `${queries} of ${train} rows of ${dim}, k 200`,
    prepare: (folder) => writeKnn(folder, { train, queries, dim, classes }),
    products: {
      all: [{ batch: 1, m: Math.min(QUERIES, queries), k: dim, n: train, calls: queries / Math.min(QUERIES, queries) }],
      precision: 'fp32',
    },
    ours: (folder) => ['--measure', 'knn', '--folder', folder, ...shared],
    peer: (folder) => ['bench_knn.py', '--features', folder, ...shared],
    difference(_, { accuracy: own = {} }, { accuracy: other = {} }) {
      const off = Object.keys(own).flatMap((k) => [0, 1].map((i) => Math.abs(own[k]![i]! - other[k]![i]!)))
      return { value: Math.max(...off), unit: ' % accuracy' }
    },
  }
}

/** In memory in both precisions, and from files. */
function features({ batch, batches, images, photos }: Sizes): Measure[] {
  const { arch, patchSize } = defaults
  const shared = { batch, batches }
  const own = list({ ...shared, arch, 'patch-size': patchSize })
  const peer = list({ ...shared, arch: `${arch}_patch${patchSize}_224` }) // timm's name
  const products = (times: number) =>
    forward(vit.config(arch, { patchSize }), batch, 224).map((each) => ({ ...each, calls: each.calls * times }))
  const inMemory = (precision: 'fp32' | 'bf16'): Measure => ({
    name: `features ${precision}`,
    what: `${arch}/${patchSize}, batch ${batch}, in memory`,
    prepare() {},
    products: { all: products(1), precision },
    ours: () => ['--measure', 'features', ...own, '--precision', precision],
    peer: () => ['bench_features.py', ...peer, ...(precision === 'bf16' ? ['--bf16'] : [])],
  })
  const files = list({ photos, images })
  const passes = list({ batches: 1 }) // a later value wins
  return [
    inMemory('fp32'),
    inMemory('bf16'),
    {
      name: 'features of files',
      what: `${images} JPEGs, fp32`,
      needsPhotos: true,
      prepare() {},
      products: { all: products(images / batch), precision: 'fp32' },
      ours: () => [
        '--measure',
        'features',
        ...list({ ...shared, batches: 1, arch, 'patch-size': patchSize }),
        ...files,
      ],
      peer: () => ['bench_features.py', ...peer, ...passes, ...files, ...list({ workers: availableParallelism() })],
    },
  ]
}

function video(name: string, { repeats }: Sizes): Measure {
  const clip = clips[name]!
  return {
    name: `masks, ${name}`,
    what: `a frame of 854 x 480, ${clip.context} frames of context`,
    prepare: (folder) => writeClip(folder, clip),
    ours: (folder) => ['--measure', 'video', '--folder', folder, ...list({ clip: name, repeats })],
    peer: (folder) => ['bench_video.py', ...list({ clip: folder, ...clip, repeats })],
    difference: (folder) => ({ value: clipDifference(folder), unit: '' }),
  }
}

function list(values: Record<string, string | number>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])
}
