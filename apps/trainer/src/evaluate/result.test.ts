import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeResult } from './result.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-result-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const result = { top1: 50, data: './labelled' }

test('a result lies beside the checkpoint of the run that it measures', async () => {
  const file = await writeResult({ path: join(folder, 'checkpoint.safetensors'), run: true }, 'knn', result)
  expect(file).toBe(join(folder, 'knn.json'))
  expect(JSON.parse(readFileSync(file!, 'utf8'))).toEqual(result)
})

test("nothing is written beside somebody's weights", async () => {
  expect(await writeResult({ path: join(folder, 'dino.pth'), run: false }, 'knn', result)).toBeUndefined()
  expect(readdirSync(folder)).toEqual([])
})

test.each([true, false])('a file that is asked for is written there and nowhere else (run: %s)', async (run) => {
  const output = join(folder, 'results', 'mine.json')
  await writeResult({ path: join(folder, 'checkpoint.safetensors'), run }, 'knn', result, { output })
  expect(JSON.parse(readFileSync(output, 'utf8'))).toEqual(result)
  expect(existsSync(join(folder, 'knn.json'))).toBe(false)
})
