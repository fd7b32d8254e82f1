import { stream } from '@dino/random'
import { whole } from './checks.js'
import type { Draws } from './draws.js'
import { checkImage, type Image } from './image.js'
import type { Transform } from './transform.js'
import type { PlanKey } from './view-plan.js'

/** A transform, or a plain function; one of two parameters gets random numbers of its own as the second. */
export type Step = Transform | ((image: Image) => unknown) | ((image: Image, draws: Draws) => unknown)

/** What decides every draw. */
export interface PipelineKey extends PlanKey {
  /** Which view of the sample, from 0. Default 0. */
  view?: number
}

/** What one step will do, as plain data. */
export interface PlannedStep {
  /** Name of the transform or function; a second one of the same name ends in #2. */
  op: string
  /** As drawn; null where the step is left out. Of a function: the key of its draws. */
  params: unknown
}

export interface Pipeline<Out = Image> {
  /** Names of the steps, as plans have them. */
  ops: readonly string[]
  /** Draws what each step will do. The same key draws the same, whatever was drawn before. */
  plan(key: PipelineKey): PlannedStep[]
  /**
   * Does it.
   *
   * @param plan from `plan`, perhaps edited or read from a log
   * @returns what the last step returns: an image, unless it is a function that makes something else of it
   */
  apply(image: Image, plan: readonly PlannedStep[]): Out
}

type Output<S> = S extends readonly [...unknown[], infer Last]
  ? Last extends (...args: never[]) => infer R
    ? R
    : Image
  : Image

/**
 * A pipeline of your own, its steps done one after the other. Each has its own stream of random numbers, so that one does not change the
 * draws of another. Steps with the names of the multi-crop's draw what its views draw.
 */
export function compose<const S extends readonly Step[]>(steps: S): Pipeline<Output<S>> {
  const transforms = named(steps)
  const ops = transforms.map(({ op }) => op)
  return {
    ops,
    plan({ seed, epoch, sample, view = 0 }) {
      const key = { seed, epoch, sample, view }
      for (const [name, value] of Object.entries(key)) whole('compose: plan', name, value, 0)
      return transforms.map(({ op, draw }) => ({ op, params: draw(key) }))
    },
    apply(image, plan) {
      checkImage('compose: apply', image)
      if (plan.length !== ops.length || plan.some(({ op }, i) => op !== ops[i]))
        throw new TypeError(
          `compose: expected a plan of [${ops.join(', ')}], got [${plan.map(({ op }) => op).join(', ')}]. Is it of another pipeline?`,
        )
      let out: unknown = image
      for (const [i, { params }] of plan.entries()) {
        const { op, apply } = transforms[i]!
        if (i > 0) checkResult(ops[i - 1]!, out)
        if (params !== null) out = apply(out as Image, params)
        if (out === undefined) throw new TypeError(`compose: expected step '${op}' to return an image, got nothing.`)
      }
      return out as Output<S>
    },
  }
}

interface Named {
  op: string
  draw(key: Required<PipelineKey>): unknown
  apply(image: Image, params: unknown): unknown
}

function named(steps: readonly Step[]): Named[] {
  const seen = new Map<string, number>()
  return steps.map((step, i) => {
    const isFunction = typeof step === 'function'
    if (!isFunction && (typeof step?.draw !== 'function' || typeof step.apply !== 'function'))
      throw new TypeError(`compose: expected step ${i} to be a transform or a function, got ${typeof step}.`)
    const name = isFunction ? step.name || 'custom' : step.op
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    const op = count === 1 ? name : `${name}#${count}`
    const drawsOf = ({ seed, epoch, sample, view }: Required<PipelineKey>) => stream(seed, op, epoch, sample, view)
    if (!isFunction)
      return {
        op,
        draw: (key) => step.draw(drawsOf(key)),
        apply: (image, params) => step.apply(image, params),
      }
    const work = step as (image: Image, ...draws: Draws[]) => unknown
    if (step.length < 2) return { op, draw: () => ({}), apply: (image) => work(image) }
    return { op, draw: (key) => key, apply: (image, key) => work(image, drawsOf(key as Required<PipelineKey>)) }
  })
}

function checkResult(op: string, out: unknown): void {
  const image = out as Image
  if (typeof out !== 'object' || out === null || !(image.data instanceof Uint8Array))
    throw new TypeError(`compose: expected step '${op}' to return an image, as another step follows it.`)
  checkImage(`compose: step '${op}'`, image)
}
