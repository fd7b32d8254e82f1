import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openJsonl } from './jsonl.js'

let path: string

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'dino-jsonl-')), 'metrics.jsonl')
})

afterEach(() => rmSync(join(path, '..'), { recursive: true }))

function write(from: number, to: number, options?: { iteration?: number }) {
  const file = openJsonl(path, options)
  for (let iteration = from; iteration <= to; iteration++) file.write({ iteration })
  file.close()
}

const iterations = () =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).iteration)

test('records are appended, one a line', () => {
  write(1, 2)
  write(3, 3)
  expect(iterations()).toEqual([1, 2, 3])
})

test('a line that a crash cut off is dropped', () => {
  write(1, 2)
  appendFileSync(path, '{"iteration":3,"lo')
  write(3, 3)
  expect(iterations()).toEqual([1, 2, 3])
})

test('steps after the checkpoint are written once when they run again', () => {
  write(1, 9)
  write(6, 8, { iteration: 5 })
  expect(iterations()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

test('a value that is not finite keeps its name', () => {
  const file = openJsonl(path)
  file.write({ loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY })
  file.close()
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ loss: 'NaN', gradNorm: 'Infinity' })
})
