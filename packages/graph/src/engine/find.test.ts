import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { engineCache } from './cache.js'
import { CC, FRAMEWORK, libraryFor, smallPython, smallRelease, temporaryFolder, wheelOf } from './fixture.js'
import { ENGINE_VERSION, findEngine, type Progress } from './index.js'
import { installRelease, releaseForThisMachine } from './install.js'
import { builtFor } from './libraries.js'
import { compareVersions, isAccepted, releaseFor } from './release.js'

vi.setConfig({ testTimeout: 60_000 }) // Processes are started, on a machine that may be busy.

const root = temporaryFolder()
const bin = smallPython(root)
const env = { PATH: bin, XDG_CACHE_HOME: join(root, 'caches') }
afterAll(() => rmSync(root, { recursive: true, force: true }))
beforeEach(() => rmSync(env.XDG_CACHE_HOME, { recursive: true, force: true }))

let count = 0
/** A folder with both libraries, or with what is given. */
function engineFolder(
  files: Record<string, Buffer> = { [FRAMEWORK]: libraryFor(), [CC]: libraryFor() },
  name?: string,
) {
  const folder = join(root, String(count++), name ?? '')
  mkdirSync(folder, { recursive: true })
  for (const [file, data] of Object.entries(files)) writeFileSync(join(folder, file), data)
  return folder
}

/** A site-packages folder with a TensorFlow of this version, as its Python tells it. */
function python(version: string, told = true) {
  const folder = engineFolder(undefined, 'tensorflow')
  mkdirSync(join(folder, '..', `tensorflow_cpu-${version}.dist-info`))
  return { folder, env: { ...env, TENSORFLOW: JSON.stringify({ dir: folder, ...(told ? { version } : {}) }) } }
}

async function fillCache() {
  const { release, files } = smallRelease()
  writeFileSync(join(root, 'small.whl'), wheelOf(files))
  await installRelease(release, {
    env: { ...env, SMALL_WHEEL: join(root, 'small.whl'), DOWNLOADS: join(root, 'downloads') },
  })
}

describe('the order is', () => {
  test('a path, DINO_ENGINE, our cache, a Python', async () => {
    const path = engineFolder()
    const named = { ...python('2.20.0').env, DINO_ENGINE: engineFolder() }
    await fillCache()
    const { DINO_ENGINE, ...unnamed } = named
    expect(await findEngine({ path, env: named })).toMatchObject({ origin: 'option', dir: path, version: 'unknown' })
    expect(await findEngine({ env: named })).toMatchObject({ origin: 'environment', dir: DINO_ENGINE })
    expect(await findEngine({ env: unnamed })).toMatchObject({ origin: 'cache', version: ENGINE_VERSION })
    rmSync(engineCache(env), { recursive: true })
    expect(await findEngine({ env: unnamed })).toMatchObject({ origin: 'python', version: '2.20.0' })
  })

  test.each(['VIRTUAL_ENV', 'CONDA_PREFIX'])('the Python of %s before the one on the PATH', async (variable) => {
    const prefix = join(root, variable)
    cpSync(bin, join(prefix, 'bin'), { recursive: true })
    cpSync(join(bin, 'python3'), join(prefix, 'bin', 'python'))
    const here = python('2.19.0')
    const engine = await findEngine({ env: { ...here.env, PATH: '', [variable]: prefix }, install: false })
    expect(engine).toMatchObject({ origin: 'python', dir: here.folder })
  })
})

test('a Python whose TensorFlow does not fit is passed over, and why is told', async () => {
  const old = python('2.9.1')
  const seen: Progress[] = []
  const look = findEngine({ env: old.env, install: false, onProgress: (progress) => seen.push(progress) })
  await expect(look).rejects.toMatchObject({ code: 'not-found', message: expect.stringContaining('TensorFlow 2.9.1') })
  expect(seen).toEqual([
    {
      phase: 'searching',
      message: `The TensorFlow of ${join(bin, 'python3')}: TensorFlow 2.9.1 in ${old.folder} cannot be used; 2.16.0 or newer, before 3.0.0, is needed.`,
    },
  ])
})

test('nothing found and nothing to be fetched is an error that says where was looked', async () => {
  const look = findEngine({ env, install: false })
  await expect(look).rejects.toThrow(
    `DINO_ENGINE is not set, and ${engineCache(env)} has none. No Python here has a TensorFlow.`,
  )
})

test('a library, the folder above, and a folder with headers name an engine too', async () => {
  const { folder } = python('2.20.0')
  for (const path of [folder, join(folder, '..'), join(folder, CC)]) {
    expect(await findEngine({ path, env })).toMatchObject({ dir: folder, version: '2.20.0' })
  }
  const lib = engineFolder(undefined, 'lib')
  const headers = join(lib, '..', 'include', 'tensorflow', 'core', 'public')
  mkdirSync(headers, { recursive: true })
  const version = '#define TF_MAJOR_VERSION 2\n#define TF_MINOR_VERSION 18\n#define TF_PATCH_VERSION 1\n'
  writeFileSync(join(headers, 'version.h'), version)
  expect(await findEngine({ path: join(lib, '..'), env })).toMatchObject({ dir: lib, version: '2.18.1' })
})

describe('a path is refused when', () => {
  const refusal = (path: string) => findEngine({ path, env }).catch((error) => error)

  test('it is not there', async () => {
    const error = await refusal('/nowhere/tensorflow')
    expect(error).toMatchObject({
      code: 'bad-path',
      message: expect.stringContaining('there is no /nowhere/tensorflow'),
    })
  })
  test('DINO_ENGINE names it, which the message says', async () => {
    await expect(findEngine({ env: { ...env, DINO_ENGINE: '/nowhere' } })).rejects.toThrow(
      /^DINO_ENGINE: there is no \/nowhere/,
    )
  })
  test('libraries are missing', async () => {
    expect((await refusal(engineFolder({}))).message).toContain(`expected ${CC} and ${FRAMEWORK} in`)
    expect((await refusal(engineFolder({ [CC]: libraryFor() }))).message).toContain(`but only ${CC} is there`)
  })
  test('they are built for another machine', async () => {
    const other = libraryFor(process.platform, process.arch === 'arm64' ? 'x64' : 'arm64')
    const error = await refusal(engineFolder({ [FRAMEWORK]: libraryFor(), [CC]: other }))
    expect(error).toMatchObject({
      code: 'wrong-architecture',
      message: expect.stringContaining(`runs on ${process.platform}-`),
    })
  })
  test('they are no libraries', async () => {
    const error = await refusal(
      engineFolder({ [FRAMEWORK]: Buffer.from('version https://git-lfs'), [CC]: libraryFor() }),
    )
    expect(error).toMatchObject({ code: 'bad-path', message: expect.stringContaining('not a shared library') })
  })
})

describe('a machine without a release is told to use the eager engine:', () => {
  const as = (key: 'platform' | 'arch', value: string) => vi.spyOn(process, key, 'get').mockReturnValue(value as never)
  beforeEach(() => () => void vi.restoreAllMocks())

  test.each(['win32', 'freebsd'])('%s', async (platform) => {
    as('platform', platform)
    await expect(findEngine({ env: { PATH: '' } })).rejects.toThrow(
      new RegExp(`no TensorFlow .* engine for ${platform}-.*--engine eager`),
    )
  })
  test('musl and an old glibc', () => {
    as('platform', 'linux')
    as('arch', 'x64')
    const report = vi.spyOn(process.report, 'getReport')
    report.mockReturnValue({ header: {} } as never)
    expect(releaseForThisMachine).toThrow(/musl.*--engine eager/)
    report.mockReturnValue({ header: { glibcVersionRuntime: '2.17' } } as never)
    expect(releaseForThisMachine).toThrow(/needs glibc 2\.27 or newer, this machine has 2\.17/)
  })
})

test('the platforms of issue 4 have a release, of one version', () => {
  const all = [releaseFor('linux', 'x64'), releaseFor('linux', 'arm64'), releaseFor('darwin', 'arm64')]
  expect(all.map((release) => release?.version)).toEqual([ENGINE_VERSION, ENGINE_VERSION, ENGINE_VERSION])
  expect(releaseFor('darwin', 'x64')).toBeUndefined()
})

test('versions compare number by number', () => {
  expect(
    ['2.9.1', '2.16.0', '2.16', '2.21.0rc1', '3.0.0'].map((version) => compareVersions(version, '2.16.0')),
  ).toEqual([-1, 0, 0, 1, 1])
  expect(['2.15.1', '2.16.0', '2.21.0', '3.0.0'].map(isAccepted)).toEqual([false, true, true, false])
})

test('a library tells the machine that it is built for', () => {
  for (const [platform, arch] of [
    ['linux', 'x64'],
    ['linux', 'arm64'],
    ['darwin', 'arm64'],
    ['darwin', 'x64'],
  ]) {
    expect(builtFor(libraryFor(platform, arch))).toBe(`${platform}-${arch}`)
  }
})
