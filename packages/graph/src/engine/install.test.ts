import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'tsup'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { engineCache } from './cache.js'
import { recordLine, smallPython, smallRelease, temporaryFolder, wheelOf } from './fixture.js'
import { findEngine, listEngines, type Progress, removeEngine } from './index.js'
import { installRelease } from './install.js'

vi.setConfig({ testTimeout: 60_000 }) // Processes are started, on a machine that may be busy.

const { release, files } = smallRelease()
const [, , cc] = files
const root = temporaryFolder()
const bin = smallPython(root)
let env: Record<string, string>
let cache: string

beforeAll(() => writeFileSync(join(root, 'small.whl'), wheelOf(files)))
afterAll(() => rmSync(root, { recursive: true, force: true }))
beforeEach(() => {
  const caches = temporaryFolder()
  writeFileSync(join(caches, 'downloads'), '')
  env = {
    PATH: bin,
    XDG_CACHE_HOME: caches,
    SMALL_WHEEL: join(root, 'small.whl'),
    DOWNLOADS: join(caches, 'downloads'),
  }
  cache = engineCache(env)
  return () => rmSync(caches, { recursive: true, force: true })
})

const downloads = () => readFileSync(env.DOWNLOADS, 'utf8').split('\n').filter(Boolean)

test('the libraries are fetched once, unpacked and found again', async () => {
  const engine = await installRelease(release, { env })
  expect(engine).toMatchObject({ origin: 'installed', version: release.version })
  expect(readFileSync(engine.libraries.cc).equals(cc.data)).toBe(true)
  expect(readdirSync(cache)).toEqual([`${release.version}-${release.platform}`])
  expect(readdirSync(engine.dir).sort()).toEqual(
    ['engine.json', ...files.slice(1).map(({ name }) => name.slice(11))].sort(),
  )

  expect(await installRelease(release, { env })).toEqual({ ...engine, origin: 'cache' })
  expect(downloads()).toHaveLength(1)
  expect(downloads()[0]).toContain(
    `${release.distribution}==${release.version} --no-deps --only-binary=:all: --python-version 3.12 --implementation cp ` +
      `--abi cp312 --platform ${release.platformTag}`,
  )
})

test('progress grows from the first byte to the last, phase by phase', async () => {
  const seen: Progress[] = []
  await installRelease(release, { env: { ...env, SLOW_MS: '300' }, onProgress: (progress) => seen.push(progress) })
  expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(['downloading', 'unpacking', 'ready'])
  for (const phase of ['downloading', 'unpacking']) {
    const bytes = seen.filter((p) => p.phase === phase && p.received !== undefined)
    expect(bytes.length).toBeGreaterThanOrEqual(3)
    expect(bytes.map(({ received }) => received)).toEqual(bytes.map((p) => p.received!).sort((a, b) => a - b))
    expect(bytes.at(-1)!.received).toBe(bytes.at(-1)!.total)
  }
})

test('force fetches again, and a damaged engine is replaced', async () => {
  const engine = await installRelease(release, { env })
  await installRelease(release, { env, force: true })
  expect(downloads()).toHaveLength(2)
  truncateSync(engine.libraries.cc, 10)
  expect(await listEngines({ env })).toEqual([])
  await installRelease(release, { env })
  expect(readFileSync(engine.libraries.cc).equals(cc.data)).toBe(true)
  expect(readdirSync(cache)).toHaveLength(1)
})

test('engines are listed and removed by version', async () => {
  const engine = await installRelease(release, { env })
  expect(await listEngines({ env })).toEqual([
    { ...engine, origin: 'cache', platform: release.platform, bytes: release.unpackedBytes, current: true },
  ])
  await expect(removeEngine('1.15.0', { env })).rejects.toThrow(
    `no engine 1.15.0 in ${cache}. Installed: ${release.version}.`,
  )
  expect(await removeEngine(release.version, { env })).toHaveLength(1)
  expect(readdirSync(cache)).toEqual([])
  expect(await listEngines({ env })).toEqual([])
})

describe('when it fails, the cache stays empty and the message helps:', () => {
  async function failure(more: Record<string, string>, of = release): Promise<{ code: string; message: string }> {
    const error = await installRelease(of, { env: { ...env, ...more } }).catch((error) => error)
    expect(error).toHaveProperty('name', 'EngineError')
    expect(existsSync(cache) ? readdirSync(cache) : []).toEqual([])
    return error
  }

  test('no Python', async () => {
    const { code, message } = await failure({ PATH: join(root, 'empty') })
    expect(code).toBe('no-python')
    expect(message).toMatch(/no python3 or python on the PATH.*DINO_ENGINE.*--engine eager/)
  })
  test('a Python without pip', async () => {
    const { code, message } = await failure({ NO_PIP: '1' })
    expect(code).toBe('no-pip')
    expect(message).toContain(`which ${join(bin, 'python3')} lacks`)
    expect(message).toContain('ensurepip')
  })
  test('no network', async () => {
    const said =
      "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3." +
      "connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': " +
      '/simple/x/\nERROR: Could not find a version\nERROR: No matching distribution found for x'
    const { code, message } = await failure({ PIP_SAYS: said })
    expect(code).toBe('download-failed')
    expect(message).toContain(
      'pip said: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution (/simple/x/).',
    )
    expect(message).toMatch(/Is there a network\?.*DINO_ENGINE.*--engine eager/)
  })
  test('an index without this version', async () => {
    const { message } = await failure({ PIP_SAYS: 'ERROR: No matching distribution found for tensorflow-cpu' })
    expect(message).toContain(
      'code 1; pip said: No matching distribution found for tensorflow-cpu. Does your package index',
    )
  })
  test('a hash that differs', async () => {
    const wrong = { ...cc, recorded: recordLine(cc.name, Buffer.from('another')) }
    writeFileSync(join(root, 'wrong.whl'), wheelOf([files[0], files[1], wrong]))
    expect((await failure({ SMALL_WHEEL: join(root, 'wrong.whl') })).code).toBe('hash-mismatch')
  })
  test('a download that is no wheel', async () => {
    writeFileSync(join(root, 'page.whl'), '<html>')
    expect((await failure({ SMALL_WHEEL: join(root, 'page.whl') })).code).toBe('bad-wheel')
  })
  test('too little free space, before the download', async () => {
    const { code, message } = await failure({}, { ...release, wheelBytes: 1e15, unpackedBytes: 3e15 })
    expect(code).toBe('disk-full')
    expect(message).toMatch(/free in .*takes 4000000\.00 GB while it is unpacked.*nothing was left behind/)
    expect(downloads()).toEqual([])
  })
  test('a disk that pip fills', async () => {
    const said = 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device'
    const { code, message } = await failure({ PIP_SAYS: said })
    expect(code).toBe('disk-full')
    expect(message).toContain('The disk is full (pip: No space left on device).')
  })
  test('a disk that the libraries fill', async (context) => {
    const mounted = join(root, 'small-disk')
    mkdirSync(mounted)
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mounted])
    context.skip(status !== 0, 'mounting a small tmpfs is not allowed here')
    try {
      const full = { ...env, XDG_CACHE_HOME: mounted }
      const tight = { ...release, wheelBytes: 1, unpackedBytes: 1 } // So that the check beforehand lets it pass.
      const error = await installRelease(tight, { env: full }).catch((error) => error)
      expect(error).toMatchObject({ name: 'EngineError', code: 'disk-full', message: expect.stringContaining(mounted) })
      expect(readdirSync(engineCache(full))).toEqual([])
    } finally {
      spawnSync('umount', [mounted])
    }
  })
  test('a cache that is a file', async () => {
    writeFileSync(join(env.XDG_CACHE_HOME, 'dino'), '')
    const error = await installRelease(release, { env }).catch((error) => error)
    expect(error).toMatchObject({ code: 'cache-not-writable', message: expect.stringContaining('Set XDG_CACHE_HOME') })
  })
})

describe('several processes', () => {
  let module: string
  beforeAll(async () => {
    const options = { format: 'esm', silent: true, clean: false, dts: false, config: false } as const
    await build({
      ...options,
      entry: ['src/engine/install.ts'],
      outDir: join(root, 'built'),
      outExtension: () => ({ js: '.mjs' }),
    })
    module = pathToFileURL(join(root, 'built', 'install.mjs')).href
  })

  function installInChild(more: Record<string, string> = {}) {
    const code = `import { installRelease } from ${JSON.stringify(module)}
      const engine = await installRelease(${JSON.stringify(release)}, { onProgress: ({ phase }) => console.log(phase) })
      console.log(engine.origin)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env: { ...env, ...more } })
    let output = ''
    child.stdout.on('data', (data) => (output += data))
    child.stderr.on('data', (data) => (output += data))
    const ended = new Promise<string[]>((done) => child.on('close', () => done(output.trim().split('\n'))))
    return { child, ended, saw: (text: string) => waitFor(() => output.includes(text)) }
  }

  test('of four that install at once one downloads, and the others wait and use it', async () => {
    const children = Array.from({ length: 4 }, () => installInChild({ SLOW_MS: '300' }))
    const outputs = await Promise.all(children.map(({ ended }) => ended))
    expect(outputs.map((lines) => lines.at(-1)).sort()).toEqual(['cache', 'cache', 'cache', 'installed'])
    expect(outputs.filter((lines) => lines.includes('waiting')).length).toBeGreaterThan(0)
    expect(downloads()).toHaveLength(1)
    expect(readdirSync(cache)).toHaveLength(1)
  })

  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    '%s during the download is made good by the next one',
    async (signal) => {
      const first = installInChild({ SLOW_MS: '400' })
      await first.saw('downloading')
      await waitFor(() => downloads().length === 1)
      first.child.kill(signal)
      await first.ended
      expect(readdirSync(cache)).toEqual([`.installing-${release.version}-${release.platform}`])
      const engine = await installRelease(release, { env })
      expect(engine.origin).toBe('installed')
      expect(readdirSync(cache)).toEqual([`${release.version}-${release.platform}`])
      expect(statSync(engine.libraries.cc).size).toBe(cc.data.length)
    },
    30_000,
  )

  test('a waiter takes over when the one that installs dies', async () => {
    const first = installInChild({ SLOW_MS: '5000' })
    await waitFor(() => downloads().length === 1)
    const second = installInChild()
    await second.saw('waiting')
    first.child.kill('SIGKILL')
    expect((await second.ended).at(-1)).toBe('installed')
    expect(readdirSync(cache)).toHaveLength(1)
  })
})

test('the real engine is on this machine, or pip fetches it', async () => {
  const { libraries, version } = await findEngine()
  expect(version).toMatch(/^2\.\d+\.\d+/)
  for (const file of Object.values(libraries)) expect(statSync(file).size).toBeGreaterThan(10e6)
}, 600_000)

async function waitFor(condition: () => boolean) {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise((done) => setTimeout(done, 20))
  expect(condition()).toBe(true)
}
