import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const out = mkdtempSync(join(tmpdir(), 'dino-learn-'))
afterAll(() => rmSync(out, { recursive: true, force: true }))

test.each([
  [['--scale', 'imagenet'], 'imagenet'],
  [['--steps', '0'], 'expected a whole number, at least 1, got "0"'],
  [['--steps', '2.5'], 'expected a whole number, at least 1, got "2.5"'],
  [['--seeds', '-1'], 'expected a whole number, at least 0, got "-1"'],
  [['--steps', '5000'], '--steps 5000: dino ends after '],
  [['--row', '2-short', '--steps', '900'], '--steps 900: 2-short ends after '],
])('learn refuses %j before any training', (args, message) => {
  const given = ['learn', '--peer-python', process.execPath, '--out', out, ...args]
  const { status, stderr } = spawnSync(process.execPath, [cli, ...given], { encoding: 'utf8' })
  expect(stderr).toContain(message)
  expect(status).toBe(2)
})
