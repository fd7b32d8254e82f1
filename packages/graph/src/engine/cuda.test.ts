import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { engineCache } from './cache.js'
import { neededBytes } from './download.js'
import { libraryFor, smallPython, smallRelease, temporaryFolder, wheelOf } from './fixture.js'
import { countGpus, findEngine, installEngine, listEngines, type Progress } from './index.js'
import { installRelease } from './install.js'
import { cudaReleaseFor, type Release, wheelsOf } from './release.js'

vi.setConfig({ testTimeout: 60_000 })

const small = smallRelease()
const ofNvidia = [
  { name: 'nvidia/cudnn/lib/libcudnn.so.9', data: libraryFor(undefined, undefined, 9000) },
  { name: 'nvidia/cuda_nvcc/bin/ptxas', data: libraryFor(undefined, undefined, 5000) },
]
const wheel = wheelOf([...small.files, ...ofNvidia])
const part = { version: '9.1', platformTag: 'manylinux2014_x86_64', wheelBytes: wheel.length, unpackedBytes: 14_000 }
const release: Release = {
  ...small.release,
  platform: 'linux-x64-cuda',
  more: [
    {
      ...part,
      distribution: 'nvidia-cudnn-cu12',
      files: { [ofNvidia[0].name]: 'libcudnn.so.9', [ofNvidia[1].name]: 'cuda/bin/ptxas' },
    },
  ],
  preload: ['libcudnn.so.9'],
}

const root = temporaryFolder()
const bin = smallPython(root)
writeFileSync(join(root, 'small.whl'), wheel)
afterAll(() => rmSync(root, { recursive: true, force: true }))
let env: Record<string, string>
beforeEach(() => {
  const caches = temporaryFolder()
  env = {
    PATH: bin,
    XDG_CACHE_HOME: caches,
    SMALL_WHEEL: join(root, 'small.whl'),
    DOWNLOADS: join(caches, 'downloads'),
  }
  return () => rmSync(caches, { recursive: true, force: true })
})

test('an engine of several wheels is fetched one by one and appears whole', async () => {
  const seen: Progress[] = []
  const engine = await installRelease(release, { env, onProgress: (progress) => seen.push(progress) })
  expect(readFileSync(env.DOWNLOADS, 'utf8').split('\n')).toEqual([
    expect.stringContaining(`${release.distribution}==${release.version} `),
    expect.stringMatching(/nvidia-cudnn-cu12==9\.1 .*--platform manylinux2014_x86_64/),
    '',
  ])
  expect(seen.flatMap(({ message }) => message ?? [])).toContainEqual(
    expect.stringMatching(/^Fetching nvidia-cudnn-cu12 9\.1 for linux-x64-cuda \(\d.*, 2 of 2\) with pip$/),
  )
  expect(engine).toMatchObject({ cuda: true, libraries: { preload: [join(engine.dir, 'libcudnn.so.9')] } })
  expect(readdirSync(engine.dir, { recursive: true })).toEqual(expect.arrayContaining([join('cuda', 'bin', 'ptxas')]))
  expect(statSync(join(engine.dir, 'cuda/bin/ptxas')).mode & 0o111).toBe(0o111)
  expect(readdirSync(engineCache(env))).toEqual([`${release.version}-linux-x64-cuda`])
})

test('a wheel that differs from its RECORD leaves nothing behind', async () => {
  const [first, ...others] = ofNvidia
  const altered = wheelOf([
    ...small.files,
    { ...first, recorded: `${first.name},sha256=${'A'.repeat(43)},9000` },
    ...others,
  ])
  writeFileSync(join(root, 'altered.whl'), altered)
  await expect(
    installRelease(release, { env: { ...env, SMALL_WHEEL: join(root, 'altered.whl') } }),
  ).rejects.toMatchObject({
    code: 'hash-mismatch',
  })
  expect(await listEngines({ env })).toEqual([])
  expect(readdirSync(engineCache(env))).toEqual([])
})

test.each(['downloading', 'unpacking'] as const)(
  'a signal ends the installation while %s, and leaves nothing',
  async (phase) => {
    const controller = new AbortController()
    const onProgress = (progress: Progress) => progress.phase === phase && controller.abort(new Error('enough'))
    const { signal } = controller
    await expect(installRelease(release, { env: { ...env, SLOW_MS: '100' }, signal, onProgress })).rejects.toThrow(
      /enough|abort/i,
    )
    expect(readdirSync(engineCache(env))).toEqual([])
  },
)

describe.skipIf(cudaReleaseFor() === undefined)('of the builds in the cache', () => {
  test('CUDA is taken where a driver answers, and the other one where none does or no GPU is wanted', async () => {
    await installRelease(small.release, { env })
    await installRelease(release, { env })
    const none = { env, install: false }
    const one = () => Promise.resolve(1)
    expect((await findEngine(none, one)).cuda).toBe(true)
    expect((await findEngine(none, () => Promise.resolve(0))).cuda).toBeUndefined()
    expect((await findEngine({ ...none, gpu: false }, one)).cuda).toBeUndefined()
  })

  test('the driver is not asked while CUDA is not installed', async () => {
    await installRelease(small.release, { env })
    const asked = vi.fn()
    expect((await findEngine({ env, install: false }, asked)).cuda).toBeUndefined()
    expect(asked).not.toHaveBeenCalled()
  })
})

test.skipIf(cudaReleaseFor() !== undefined)('where there is no CUDA build, asking for it is refused', async () => {
  await expect(installEngine({ cuda: true, env })).rejects.toThrow("The engine for NVIDIA's GPUs exists for linux-x64")
})

test('asking for a driver never throws', async () => {
  expect(await countGpus()).toBeGreaterThanOrEqual(0)
})

test('the release preloads what it unpacks, and counts the space of all its wheels', () => {
  const cuda = cudaReleaseFor('linux', 'x64')!
  const files = cuda.more!.flatMap(({ files }) => Object.values(files))
  expect(files).toEqual(expect.arrayContaining([...cuda.preload!]))
  expect(new Set(files).size).toBe(files.length)
  expect(cuda.preload!.indexOf('libcublasLt.so.12')).toBeLessThan(cuda.preload!.indexOf('libcublas.so.12'))
  const unpacked = wheelsOf(cuda).reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0)
  expect(neededBytes(cuda)).toBeGreaterThanOrEqual(unpacked)
})
