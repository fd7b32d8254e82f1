import { openSession, type Session } from '@dino/graph'
import { stream } from '@dino/random'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openProbe, type ProbeOptions } from './probe.js'

const D = 6
const C = 3

/** Rows around a point of their class, further apart than they are wide. */
function separable(rows: number) {
  const draws = stream(0, 'rows')
  const labels = Int32Array.from({ length: rows }, (_, i) => i % C)
  const features = new Float32Array(rows * D)
  for (let i = 0; i < features.length; i++) {
    const [row, d] = [Math.floor(i / D), i % D]
    features[i] = 0.3 * draws.normal() + (d % C === labels[row] ? 1 : 0)
  }
  return { features, labels }
}

describe.each(['auto', 'eager'])('on the %s engine', (engine) => {
  let session: Session
  beforeAll(async () => {
    session = await openSession({ engine })
  })
  afterAll(() => session.close())

  async function withProbe<T>(
    options: Omit<ProbeOptions, 'session' | 'inDim' | 'classes' | 'batch'>,
    use: (probe: Awaited<ReturnType<typeof openProbe>>) => Promise<T>,
    batch = 16,
  ): Promise<T> {
    const probe = await openProbe({ session, inDim: D, classes: C, batch, ...options })
    try {
      return await use(probe)
    } finally {
      await probe.dispose()
    }
  }

  test('a separable set is separated', async () => {
    const { features, labels } = separable(48)
    const score = await withProbe({ lrs: [1] }, async (probe) => {
      for (let i = 0; i < 60; i++) {
        const first = (i % 3) * 16
        await probe.step(features.subarray(first * D, (first + 16) * D), labels.subarray(first, first + 16), 1)
      }
      return probe.score(features, labels)
    })
    expect(score[0]).toMatchObject({ top1: 100, top5: 100 })
    expect(score[0]!.loss).toBeLessThan(0.1)
  })

  test('classifiers that are trained together become what each would alone, also beside one that diverges', async () => {
    const { features, labels } = separable(16)
    const trained = (lrs: number[]) =>
      withProbe({ lrs }, async (probe) => {
        for (let i = 0; i < 5; i++) await probe.step(features, labels, 1 - i / 5)
        return Promise.all(lrs.map(async (_, s) => (await probe.weights(s))['linear.weight'].data as Float32Array))
      })
    const [small, diverged, large] = await trained([0.1, 1e39, 2]) // beyond float32
    expect(diverged!.some(Number.isNaN)).toBe(true)
    const [alone] = await trained([0.1])
    for (const [i, value] of small!.entries()) expect(value).toBeCloseTo(alone![i]!, 6)
    expect(large).not.toEqual(small)
  })

  test('padding changes nothing: a step on 5 rows is the same in a batch of 5 and of 16', async () => {
    const { features, labels } = separable(5)
    const stepped = (batch: number) =>
      withProbe(
        { lrs: [0.5] },
        async (probe) => {
          await probe.score(separable(16).features, separable(16).labels) // what padding would leave behind
          const loss = await probe.step(features, labels, 1)
          return [...loss, ...((await probe.weights())['linear.weight'].data as Float32Array)]
        },
        batch,
      )
    const wide = await stepped(16)
    for (const [i, value] of (await stepped(5)).entries()) expect(value).toBeCloseTo(wide[i]!, 5)
  })

  test('of equal logits the lower class comes first, and a classifier that diverged is never right', async () => {
    const labels = Int32Array.of(0, 1, 2, -1)
    await withProbe({ lrs: [0] }, async (probe) => {
      const state = await probe.state()
      const filled = (value: number) =>
        Object.fromEntries(
          Object.entries(state).map(([name, x]) => [
            name,
            { ...x, data: new Float32Array(x.data.byteLength / 4).fill(value) },
          ]),
        )
      await probe.restore(filled(0))
      const [equal] = await probe.score(new Float32Array(4 * D), labels)
      expect(equal!.top1).toBeCloseTo(100 / 3, 4)
      expect(equal!.loss).toBeCloseTo(Math.log(C), 5)
      await probe.restore(filled(Number.NaN))
      expect(await probe.score(new Float32Array(4 * D), labels)).toEqual([{ loss: Number.NaN, top1: 0, top5: 0 }])
    })
  })

  test('a probe leaves nothing in the session', async () => {
    const before = session.memory()
    await withProbe({ lrs: [1, 2] }, (probe) => probe.step(new Float32Array(D), Int32Array.of(0), 1))
    expect(session.memory()).toEqual(before)
  })
})
