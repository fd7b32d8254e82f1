import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockRun } from './run-lock.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a lock is given back, and a dead process holds none', () => {
  lockRun(folder)()
  expect(existsSync(join(folder, '.lock'))).toBe(false)
  writeFileSync(join(folder, '.lock'), '999999999')
  lockRun(folder)()
  writeFileSync(join(folder, '.lock'), 'no number')
  lockRun(folder)()
  expect(readdirSync(folder)).toEqual([])
})

test('a living process keeps others out', () => {
  writeFileSync(join(folder, '.lock'), String(process.ppid))
  expect(() => lockRun(folder)).toThrow(`in use by process ${process.ppid}`)
})

test('what a killed process left half-written goes, and nothing else', () => {
  for (const name of ['.checkpoint.safetensors.1-2.tmp', '.gitignore', 'notes.tmp'])
    writeFileSync(join(folder, name), '')
  lockRun(folder)()
  expect(readdirSync(folder).sort()).toEqual(['.gitignore', 'notes.tmp'])
})
