import { expect, test } from 'vitest'
import { type Losses, lateMean, trainBoth } from '../src/train/both-precisions.fixture.js'

// Single steps differ by up to 1.2 %: the two runs part as any two that round differently do. Their level must not.
test('after 300 steps bf16 has the loss of fp32 within 1 %, and no other entropy', { timeout: 30 * 60_000 }, () => {
  const { fp32, bf16 } = trainBoth(300)
  console.log(figures(fp32, bf16))
  expect(Math.abs(lateMean(bf16.loss, 50) / lateMean(fp32.loss, 50) - 1)).toBeLessThan(0.01)
  expect(Math.abs(lateMean(bf16.teacherEntropy, 50) / lateMean(fp32.teacherEntropy, 50) - 1)).toBeLessThan(0.02)
})

/** The table of apps/bench/README.md. */
function figures(fp32: Losses, bf16: Losses): string {
  const means = (['loss', 'teacherEntropy', 'kl'] as const).map((name) => {
    const [a, b] = [fp32, bf16].map((run) => lateMean(run[name], 50)) as [number, number]
    return `${name} ${a.toFixed(4)} ${b.toFixed(4)} ${(100 * (b / a - 1)).toFixed(2)} %`
  })
  const apart = fp32.loss.map((loss, i) => Math.abs(bf16.loss[i]! / loss - 1))
  const most = (steps: number[]) => `${(100 * Math.max(...steps)).toFixed(2)} %`
  return [...means, `largest of a step: first 20 ${most(apart.slice(0, 20))}, all ${most(apart)}`].join('\n')
}
