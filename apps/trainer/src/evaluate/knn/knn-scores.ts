import { type Features, type FewShot, fewShot, type KnnAccuracy, knnClassify } from '@dino/eval'
import type { Session } from '@dino/graph'
import { nearestOnEngine } from './nearest-on-engine.js'

/** Labelled rows of features. */
export interface LabelledRows {
  features: Features
  /** Class of each row. */
  labels: Int32Array
}

export interface KnnSettings {
  k: readonly number[]
  temperature: number
  classes: number
  perClass?: boolean
  signal?: AbortSignal
  /** Told how many of all pairs of rows have been compared, where that takes long. */
  onProgress?(done: number, total: number): void
}

/**
 * k-NN accuracy for each k, the neighbours found on the session's engine.
 *
 * @param test rows to classify; without it each row of `train` is classified by all others
 */
export async function knnScores(
  session: Session,
  train: LabelledRows,
  test: LabelledRows | undefined,
  { signal, onProgress, ...settings }: KnnSettings,
): Promise<Record<number, KnnAccuracy>> {
  const leaveOneOut = test === undefined
  const queries = (test ?? train).features
  const most = Math.max(...settings.k)
  const neighbours = await nearestOnEngine(session, queries, train.features, most, { leaveOneOut, signal, onProgress })
  return knnClassify({
    train: train.features,
    trainLabels: train.labels,
    ...(test ? { test: test.features, testLabels: test.labels } : { leaveOneOut }),
    neighbours,
    ...settings,
  })
}

/** Mean and sample standard deviation of what each seed gave, in percent. */
export interface Spread {
  mean: number
  /** 0 for one seed. */
  std: number
  /** Of each seed, from 0. */
  values: number[]
}

export type FewShotScores = FewShot & {
  /** Training rows that voted. */
  train: number
  knn: Record<number, { top1: Spread; top5: Spread }>
}

/** Scores with a part of the training set that each seed from 0 to seeds - 1 draws anew. */
export async function fewShotScores(
  session: Session,
  train: LabelledRows,
  test: LabelledRows,
  size: FewShot,
  { seeds, ...settings }: KnnSettings & { seeds: number },
): Promise<FewShotScores> {
  const scores: Record<number, KnnAccuracy>[] = []
  let rows = 0
  for (let seed = 0; seed < seeds; seed++) {
    const drawn = fewShot(train.labels, size, seed)
    rows = drawn.length
    scores.push(await knnScores(session, chosen(train, drawn), test, settings))
  }
  const spreads = settings.k.map((k) => {
    const of = (name: 'top1' | 'top5') => spread(scores.map((score) => score[k]![name]))
    return [k, { top1: of('top1'), top5: of('top5') }]
  })
  return { ...size, train: rows, knn: Object.fromEntries(spreads) }
}

function chosen({ features: { data, dim }, labels }: LabelledRows, rows: Int32Array): LabelledRows {
  const some = new Float32Array(rows.length * dim)
  for (const [i, row] of rows.entries()) some.set(data.subarray(row * dim, (row + 1) * dim), i * dim)
  return { features: { data: some, rows: rows.length, dim }, labels: rows.map((row) => labels[row]!) }
}

function spread(values: number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, std: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0, values }
}
