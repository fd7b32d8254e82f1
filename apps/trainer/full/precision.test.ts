import { expect, test } from 'vitest'
import { lateMean, trainBoth } from '../src/train/both-precisions.fixture.js'

// Single steps differ by up to 1.2 %: the two runs part as any two that round differently do. Their level must not.
test('after 300 steps bf16 has the loss of fp32 within 1 %, and no other entropy', { timeout: 30 * 60_000 }, () => {
  const { fp32, bf16 } = trainBoth(300)
  expect(Math.abs(lateMean(bf16.loss, 50) / lateMean(fp32.loss, 50) - 1)).toBeLessThan(0.01)
  expect(Math.abs(lateMean(bf16.teacherEntropy, 50) / lateMean(fp32.teacherEntropy, 50) - 1)).toBeLessThan(0.02)
})
