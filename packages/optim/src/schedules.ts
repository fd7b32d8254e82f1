export interface CosineScheduleOptions {
  /** The value after the warm-up. */
  base: number
  /** The value that the cosine heads for. The last iteration is one step short of it. */
  final: number
  epochs: number
  iterationsPerEpoch: number
  /** Epochs in which the value climbs from `start` to `base` in a straight line. Default 0. */
  warmupEpochs?: number
  /** The value of the first iteration of a warm-up. Default 0. */
  start?: number
}

/**
 * A value for each iteration: a straight line from `start` to `base`, then half a cosine towards `final`.
 *
 *     final + (base - final) (1 + cos(π i / n)) / 2,  i = 0 … n-1
 *
 * As in the reference, `base` comes twice (the line includes it) and `final` never. Reference: `cosine_scheduler` in utils.py.
 *
 * @returns [epochs · iterationsPerEpoch]
 * @throws RangeError for a warm-up longer than the training
 */
export function cosineSchedule({
  base,
  final,
  epochs,
  iterationsPerEpoch,
  warmupEpochs = 0,
  start = 0,
}: CosineScheduleOptions): Float64Array {
  checkFinite('cosineSchedule', { base, final, start })
  checkWhole('cosineSchedule', { epochs, iterationsPerEpoch, warmupEpochs })
  checkWarmup('cosineSchedule', warmupEpochs, epochs)
  const values = new Float64Array(epochs * iterationsPerEpoch)
  const warmup = warmupEpochs * iterationsPerEpoch
  fillLine(values.subarray(0, warmup), start, base)
  const n = values.length - warmup
  for (let i = 0; i < n; i++) values[warmup + i] = final + 0.5 * (base - final) * (1 + Math.cos((Math.PI * i) / n))
  return values
}

export interface TeacherTempScheduleOptions {
  /** Temperature of the first epoch. */
  warmupTemp: number
  /** Temperature after the warm-up; training is unstable above 0.07. */
  temp: number
  warmupEpochs: number
  epochs: number
}

/**
 * The teacher's temperature in each epoch: a straight line from `warmupTemp` to `temp`, then `temp`.
 *
 * Reference: `DINOLoss` in main_dino.py.
 *
 * @returns [epochs]
 * @throws RangeError for a warm-up longer than the training
 */
export function teacherTempSchedule({
  warmupTemp,
  temp,
  warmupEpochs,
  epochs,
}: TeacherTempScheduleOptions): Float64Array {
  checkFinite('teacherTempSchedule', { warmupTemp, temp })
  checkWhole('teacherTempSchedule', { warmupEpochs, epochs })
  checkWarmup('teacherTempSchedule', warmupEpochs, epochs)
  if (warmupTemp <= 0 || temp <= 0) {
    throw new RangeError(`teacherTempSchedule: expected temperatures above 0, got ${warmupTemp} and ${temp}.`)
  }
  const values = new Float64Array(epochs).fill(temp)
  fillLine(values.subarray(0, warmupEpochs), warmupTemp, temp)
  return values
}

/** numpy's linspace: both ends included; a single value is the first end. */
function fillLine(values: Float64Array, from: number, to: number): void {
  const step = (to - from) / (values.length - 1)
  for (let i = 0; i < values.length; i++) values[i] = i === 0 ? from : from + i * step
  if (values.length > 1) values[values.length - 1] = to
}

function checkFinite(where: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isFinite(value)) throw new RangeError(`${where}: expected a finite ${name}, got ${value}.`)
  }
}

function checkWhole(where: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${where}: expected a whole ${name} of 0 or more, got ${value}.`)
    }
  }
}

function checkWarmup(where: string, warmupEpochs: number, epochs: number): void {
  if (warmupEpochs > epochs) {
    throw new RangeError(
      `${where}: expected warmupEpochs of at most epochs (${epochs}), got ${warmupEpochs}. ` +
        'The warm-up would outlast the training: shorten it, or train longer.',
    )
  }
}
