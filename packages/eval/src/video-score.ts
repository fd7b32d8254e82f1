import { contourAccuracy } from './contour-accuracy.js'
import { jaccard } from './mask.js'

/** J (region similarity) and F (contour accuracy) of each object in a frame, 0 to 1; the first is object 1. */
export interface FrameScore {
  region: number[]
  contour: number[]
}

/** Of one measure over the frames of a sequence. */
export interface Statistics {
  mean: number
  /** Share of the frames above a half. */
  recall: number
  /** Mean of the first quarter of the frames less that of the last. */
  decay: number
}

export interface ObjectScore {
  region: Statistics
  contour: Statistics
}

/**
 * J and F of every object in a frame. J is the {@link jaccard} of its pixels, F their {@link contourAccuracy}.
 *
 * @param labels [height · width] the object at each pixel, 0 is background
 * @param truth [height · width] the same; 255, which DAVIS uses for "not annotated", is background to the official evaluation too
 */
export function frameScore(
  labels: Uint8Array,
  truth: Uint8Array,
  { width, height, objects }: { width: number; height: number; objects: number },
): FrameScore {
  const score: FrameScore = { region: [], contour: [] }
  for (let object = 1; object <= objects; object++) {
    const mask = labels.map((label) => Number(label === object))
    const real = truth.map((label) => Number(label === object))
    score.region.push(jaccard(mask, real))
    score.contour.push(contourAccuracy(mask, real, { width, height }))
  }
  return score
}

/**
 * The statistics of each object of a sequence, as the official evaluation of DAVIS 2017 takes them.
 *
 * @param frames in order; the semi-supervised protocol leaves out the first, which is given, and the last
 */
export function videoScore(frames: readonly FrameScore[]): ObjectScore[] {
  if (frames.length === 0) throw new RangeError('videoScore: expected at least one frame, got none.')
  const objects = frames[0]!.region.length
  if (frames.some(({ region, contour }) => region.length !== objects || contour.length !== objects)) {
    throw new RangeError(`videoScore: expected scores of the same ${objects} objects in every frame.`)
  }
  return Array.from({ length: objects }, (_, object) => ({
    region: statistics(frames.map(({ region }) => region[object]!)),
    contour: statistics(frames.map(({ contour }) => contour[object]!)),
  }))
}

/** Means over objects, of all sequences alike; `mean` is J&F, the mean of both measures' means. */
export function meanScore(objects: readonly ObjectScore[]): ObjectScore & { mean: number } {
  const over = (measure: keyof ObjectScore): Statistics => ({
    mean: mean(objects.map((object) => object[measure].mean)),
    recall: mean(objects.map((object) => object[measure].recall)),
    decay: mean(objects.map((object) => object[measure].decay)),
  })
  const [region, contour] = [over('region'), over('contour')]
  return { mean: (region.mean + contour.mean) / 2, region, contour }
}

function statistics(values: number[]): Statistics {
  // Quarters share the frame where they meet; a half is rounded up.
  const end = (quarter: number) => Math.round((quarter / 4) * (values.length - 1) + 1e-10)
  const first = values.slice(0, end(1) + 1)
  const last = values.slice(end(3))
  return {
    mean: mean(values),
    recall: mean(values.map((value) => Number(value > 0.5))),
    decay: mean(first) - mean(last),
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
