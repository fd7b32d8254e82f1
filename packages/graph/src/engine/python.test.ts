import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { temporaryFolder } from './fixture.js'
import { listPythons } from './index.js'
import { pythons } from './python.js'

vi.setConfig({ testTimeout: 60_000 }) // Processes are started, on a machine that may be busy.

const root = temporaryFolder()
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('the Pythons of this machine tell version and pip, and nothing else is taken for one', async () => {
  for (const python of await listPythons()) expect(python.version).toMatch(/^3\.\d+\.\d+$/)

  const bin = join(root, 'bin')
  mkdirSync(join(bin, 'python3'), { recursive: true }) // A folder.
  writeFileSync(join(bin, 'python'), '#!/bin/sh\necho "Python 2.7"\nexit 1\n')
  chmodSync(join(bin, 'python'), 0o755)
  expect(await listPythons({ env: { PATH: bin } })).toEqual([])
})

test('the active environment comes first, and a link in the same folder is no second Python', () => {
  const [active, system] = ['active', 'system'].map((name) => join(root, name, 'bin'))
  for (const bin of [active, system]) {
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'python3.12'), '', { mode: 0o755 })
  }
  symlinkSync('python3.12', join(system, 'python3'))
  symlinkSync('python3', join(system, 'python'))
  symlinkSync(join(system, 'python3'), join(active, 'python'))
  const env = { PATH: `relative:${system}`, VIRTUAL_ENV: join(root, 'active') }
  expect(pythons(env)).toEqual([join(active, 'python'), join(system, 'python3')])
})

test('a package called tensorflow in the working directory is not a TensorFlow', async (context) => {
  const [first] = await listPythons()
  context.skip(first === undefined, 'no Python here')
  mkdirSync(join(root, 'tensorflow'))
  writeFileSync(join(root, 'tensorflow', '__init__.py'), '')
  const before = process.cwd()
  process.chdir(root)
  try {
    expect((await listPythons())[0].tensorflow?.dir).not.toBe(join(root, 'tensorflow'))
  } finally {
    process.chdir(before)
  }
  // PYTHONPATH is meant: Python would import it from there.
  const [told] = await listPythons({ env: { ...process.env, PYTHONPATH: root } })
  expect(told.tensorflow?.dir).toBe(join(root, 'tensorflow'))
})
