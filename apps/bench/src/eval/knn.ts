import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { type Features, knnClassify } from '@dino/eval'
import { openSession } from '@dino/graph'
import { stream } from '@dino/random'
import { nearestOnEngine } from '@dino/trainer'
import type { EvalTiming } from './timing.js'

export interface KnnSize {
  train: number
  queries: number
  dim: number
  classes: number
}

/** Neighbours that vote, as in eval_knn.py. */
const K = [10, 20, 100, 200]

/** Writes what both sides read: noisy copies of one direction a class. */
export function writeKnn(folder: string, { train, queries, dim, classes }: KnnSize): void {
  const draws = stream(0, 'knn')
  const centres = Float32Array.from({ length: classes * dim }, () => draws.normal())
  // Noise is drawn once and shifted from row to row: to draw 77 million normals takes longer than to classify them.
  const noise = Float32Array.from({ length: 1 << 20 }, () => 4 * draws.normal())
  for (const [name, rows] of [
    ['train', train],
    ['test', queries],
  ] as const) {
    const labels = Int32Array.from({ length: rows }, () => draws.integer(0, classes))
    writeFileSync(join(folder, `${name}.i32`), labels)
    const file = openSync(join(folder, `${name}.f32`), 'w')
    const block = new Float32Array(1000 * dim)
    for (let first = 0; first < rows; first += 1000) {
      const count = Math.min(1000, rows - first)
      for (let row = 0; row < count; row++) {
        const [centre, shift] = [labels[first + row]! * dim, draws.integer(0, noise.length - dim)]
        for (let d = 0; d < dim; d++) block[row * dim + d] = centres[centre + d]! + noise[shift + d]!
      }
      writeSync(file, new Uint8Array(block.buffer, 0, 4 * count * dim))
    }
    closeSync(file)
  }
}

/** Times our side as `dino eval knn` does it, from features to accuracies. */
export async function timeKnn(
  folder: string,
  { dim, classes, repeats, threads }: Pick<KnnSize, 'dim' | 'classes'> & { repeats: number; threads?: number },
): Promise<EvalTiming> {
  const rows = (name: string): Features => {
    const data = new Float32Array(...words(join(folder, `${name}.f32`)))
    return { data, rows: data.length / dim, dim }
  }
  const labels = (name: string) => new Int32Array(...words(join(folder, `${name}.i32`)))
  const [train, test, trainLabels, testLabels] = [rows('train'), rows('test'), labels('train'), labels('test')]
  const session = await openSession({ threads })
  try {
    const times: number[] = []
    let accuracy: EvalTiming['accuracy']
    for (let repeat = 0; repeat < repeats; repeat++) {
      const began = performance.now()
      const neighbours = await nearestOnEngine(session, test, train, Math.max(...K))
      const found = knnClassify({ train, trainLabels, test, testLabels, k: K, classes, neighbours })
      times.push(performance.now() - began)
      accuracy = Object.fromEntries(Object.entries(found).map(([k, { top1, top5 }]) => [k, [top1, top5]]))
    }
    return {
      peer: 'ours',
      version: `${session.engine.kind} ${session.engine.version}`,
      threads: threads ?? availableParallelism(),
      times_ms: times,
      max_rss_gb: process.resourceUsage().maxRSS / 1e6,
      accuracy,
    }
  } finally {
    await session.close()
  }
}

/** A file of 32-bit words, as arrays take it without a copy. */
function words(file: string): [ArrayBuffer, number, number] {
  const { buffer, byteOffset, byteLength } = readFileSync(file)
  return [buffer as ArrayBuffer, byteOffset, byteLength / 4]
}
