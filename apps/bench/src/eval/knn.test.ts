import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { timeKnn, writeKnn } from './knn.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-bench-knn-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('what both sides read holds classes that neighbours tell apart, and our side says how well', async () => {
  writeKnn(folder, { train: 1500, queries: 40, dim: 64, classes: 3 })
  expect(readFileSync(join(folder, 'train.f32'))).toHaveLength(4 * 1500 * 64)
  expect(readFileSync(join(folder, 'test.i32'))).toHaveLength(4 * 40)
  const timing = await timeKnn(folder, { dim: 64, classes: 3, repeats: 2 })
  expect(timing.times_ms).toHaveLength(2)
  expect(Object.keys(timing.accuracy!)).toEqual(['10', '20', '100', '200'])
  const [top1, top5] = timing.accuracy![200]!
  expect(top1).toBeGreaterThan(60) // chance is 33
  expect(top5).toBe(100)
})
