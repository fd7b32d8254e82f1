import type { Claim } from './claims.js'
import type { Scale, Settings } from './scale.js'

/** What is measured on a trained backbone, in percent. */
export type Measure = 'knn' | 'linear'

/** One line of a table: a training run, told by what differs from the scale's base. */
export interface Row {
  /** Short and unique in its table: `no-multicrop`. */
  name: string
  title: string
  settings(scale: Scale): Settings
  /** The paper's number for this row. */
  paper?: Partial<Record<Measure, number>>
  /** What it cost there: hours on two machines of 8 GPUs, gigabytes of each GPU. */
  paperCost?: { hours?: number; gigabytes?: number }
  /** The paper's images a second through the network alone, on one V100. */
  paperThroughput?: number
  /** Trained on labels instead: the backbone, crops aside, with a classifier (`dino eval finetune random`). */
  supervised?: true
  /** Where we read the paper in one way of several, or depart from it. */
  note?: string
  /** Where this row, at a scale, is not what the paper trained, or where that is not known: what the dry run tells beside the scale's own. */
  deviations?(scale: Scale): string[]
}

/** What a row came to: over its seeds. */
export interface Outcome {
  /** Teacher's accuracies, percent, one a seed. */
  knn: number[]
  linear: number[]
  /** Student's k-NN accuracy, percent, one a seed. */
  studentKnn: number[]
  /** Chance: the share of the commonest class, percent. */
  chance: number
  /** ln K */
  lnK: number
  /** Teacher entropy and KL at the end, nats, one a seed; empty for losses without a softmax. */
  teacherEntropy: number[]
  kl: number[]
  /** Standard deviation of unit outputs over the batch, times the root of their length, at the end, one a seed: 1 spread out, 0 collapsed; of losses without a softmax. */
  outputSpread: number[]
  /** k-NN over training: share of evaluations in which the teacher is better than the student, a tie counted half, one a seed. */
  teacherLeads: number[]
  /** Of training, one a seed: beside whatever else ran. */
  seconds: number[]
  /** What it costs with the machine to itself, timed in turn with the other rows; of tables whose point is cost. */
  cost?: Cost
}

export interface Cost {
  /** Of the row's whole training. */
  seconds: number
  imagesPerSecond: number
  /** Peak of the process. */
  gigabytes: number
}

export type Curve = 'teacherEntropy' | 'kl' | 'loss' | 'knn' | 'teacherKnn'

/** A table or figure of the paper. */
export interface Experiment {
  name: string
  title: string
  /** Where in the paper. */
  source: string
  rows: readonly Row[]
  /** Accuracies that its report shows. */
  measures: readonly Measure[]
  claims: readonly Claim[]
  /** Curves over training that belong to it; of a table with few rows that names none, the teacher's k-NN. */
  curves?: readonly Curve[]
  /** Time and memory are part of the table. */
  cost?: boolean
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length
}

/** Sample standard deviation; 0 of a single value. */
export function spread(values: readonly number[]): number {
  if (values.length < 2) return 0
  const m = mean(values)
  return Math.sqrt(values.reduce((sum, x) => sum + (x - m) ** 2, 0) / (values.length - 1))
}

/** `12.3 ± 0.4`, or one number of one seed. */
export function shown(values: readonly number[], digits = 1): string {
  if (values.length === 0) return '-'
  const m = mean(values).toFixed(digits)
  return values.length > 1 ? `${m} ± ${spread(values).toFixed(digits)}` : m
}
