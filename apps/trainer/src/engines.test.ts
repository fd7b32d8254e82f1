import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countGpus, ENGINE_VERSION } from '@dino/graph/engine'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { installEngine, listEngines, removeEngine } from './engines.js'
import type { TrainIO } from './report/io.js'

const root = mkdtempSync(join(tmpdir(), 'dino-engines-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const cache = join(root, 'dino', 'engines')
const platform = `${process.platform}-${process.arch}`
beforeEach(() => rmSync(cache, { recursive: true, force: true }))

/** An engine as an installation leaves it, but of a few bytes. */
function put(version: string) {
  const dir = join(cache, `${version}-${platform}`)
  const libraries = ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2'].map((file) => ({
    file,
    bytes: 5,
    sha256: '',
  }))
  mkdirSync(dir, { recursive: true })
  for (const { file } of libraries) writeFileSync(join(dir, file), 'small')
  writeFileSync(join(dir, 'engine.json'), JSON.stringify({ version, platform, distribution: 'small', libraries }))
  return dir
}

function terminal(env: TrainIO['env'] = { XDG_CACHE_HOME: root, PATH: join(root, 'nothing') }) {
  const said = { out: '', err: '' }
  const io: TrainIO = {
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    env,
    signal: new AbortController().signal,
    isTTY: false,
  }
  return { io, said }
}

test('an empty cache is said to be empty, and how to fill it', async () => {
  const { io, said } = terminal()
  expect(await listEngines({ json: false }, io)).toBe(0)
  expect(said.out).toContain(`No engine is in ${cache}.\nThere is no TensorFlow engine on this machine`)
  expect(said.out).toContain('`dino engine install`')
})

test('engines are listed, with the one that is used', async () => {
  put('2.18.0')
  const dir = put(ENGINE_VERSION)
  const { io, said } = terminal()
  await listEngines({ json: false }, io)
  const lines = said.out.split('\n').map((line) => line.trim().split(/\s{2,}/))
  expect(lines.slice(1, 3)).toEqual([
    [ENGINE_VERSION, platform, '10 B', dir],
    ['2.18.0', platform, '10 B', join(cache, `2.18.0-${platform}`)],
  ])
  expect(said.out).toContain(`Training uses TensorFlow ${ENGINE_VERSION} of dino's cache: ${dir}.`)

  const asJson = terminal()
  await listEngines({ json: true }, asJson.io)
  const { installed, used } = JSON.parse(asJson.said.out)
  expect(installed.map(({ version, current }: { version: string; current: boolean }) => [version, current])).toEqual([
    [ENGINE_VERSION, true],
    ['2.18.0', false],
  ])
  expect(used.dir).toBe(dir)
})

test('an engine is removed by its version, and an unknown version is refused', async () => {
  put('2.18.0')
  put(ENGINE_VERSION)
  const { io, said } = terminal()
  expect(await removeEngine({ version: '2.18.0', json: false }, io)).toBe(0)
  expect(said.out).toBe(`Removed ${join(cache, `2.18.0-${platform}`)}, 10 B.\n`)
  expect(readdirSync(cache)).toEqual([`${ENGINE_VERSION}-${platform}`])
  await expect(removeEngine({ version: '2.18.0', json: false }, io)).rejects.toThrow(`Installed: ${ENGINE_VERSION}.`)
})

test('what is installed is not fetched again, and DINO_ENGINE before it is told', async () => {
  const dir = put(ENGINE_VERSION)
  const { io, said } = terminal({ XDG_CACHE_HOME: root, PATH: '', DINO_ENGINE: '/nowhere' })
  expect(await installEngine({ json: false }, io)).toBe(0)
  expect(said.out).toBe(`TensorFlow ${ENGINE_VERSION} was already in ${dir}.\n`)
  expect(said.err).toContain('But training will not use it: DINO_ENGINE: there is no /nowhere.')
})

test('an engine that cannot be fetched is an error with a way out', async () => {
  const { io } = terminal()
  await expect(installEngine({ json: false }, io)).rejects.toThrow(/no python3 or python on the PATH.*--engine eager/)
})

test.runIf(platform === 'linux-x64')('installing what is there says so, and whether training will use it', async () => {
  const cuda = join(cache, `${ENGINE_VERSION}-linux-x64-cuda`)
  renameSync(put(ENGINE_VERSION), cuda)
  const manifest = JSON.parse(readFileSync(join(cuda, 'engine.json'), 'utf8'))
  writeFileSync(join(cuda, 'engine.json'), JSON.stringify({ ...manifest, platform: 'linux-x64-cuda' }))
  const dir = put(ENGINE_VERSION)
  const { io, said } = terminal()
  expect(await installEngine({ json: false, build: 'cuda' }, io)).toBe(0)
  expect(said.out).toBe(`TensorFlow ${ENGINE_VERSION} was already in ${cuda}.\n`)
  const without = `NVIDIA's driver does not answer here, so training uses TensorFlow ${ENGINE_VERSION} of dino's cache: ${dir}.\n`
  expect(said.err).toBe((await countGpus()) > 0 ? '' : without)
})
