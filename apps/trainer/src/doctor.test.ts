import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { inChild } from './doctor/child.js'
import type { Finding } from './doctor/finding.js'
import { checkCpu, checkMachine } from './doctor/machine.js'
import { diagnose, doctor, printFindings, verdict } from './doctor.js'
import type { TrainIO } from './report/io.js'

const root = mkdtempSync(join(os.tmpdir(), 'dino-doctor-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Without Python, and with an empty cache. */
const bare = { PATH: join(root, 'nothing'), XDG_CACHE_HOME: join(root, 'caches') }
const byName = (findings: Finding[], name: string) => findings.findLast((finding) => finding.name === name)

test('everything is looked at, and what cannot train is told with what to do', async () => {
  const findings = await diagnose({ engine: 'auto', env: bare })
  expect(findings.map(({ name }) => name)).toEqual([
    ...['node', 'machine', 'cpu', 'engine', 'python', 'cache', 'eager', 'addon', 'sharp'],
  ])
  expect(byName(findings, 'engine')).toMatchObject({ status: 'note', found: 'none on this machine yet' })
  expect(byName(findings, 'python')).toMatchObject({
    status: 'problem',
    found: 'no Python 3 on the PATH',
    advice: expect.stringContaining('python3-pip'),
  })
  expect(byName(findings, 'eager')?.found).toMatch(/TensorFlow\.js 4\.\d+\.\d+, backend (tensorflow|wasm|cpu)/)
  expect(byName(findings, 'sharp')?.found).toContain('reads JPEG, PNG, WebP, AVIF, TIFF, GIF')
  expect(verdict(findings).trains).toBe('eager')
}, 60_000)

test('an engine that does not fit is a problem, and a library that breaks the process does not break the doctor', async () => {
  const missing = await diagnose({ engine: '/nowhere', env: bare })
  expect(byName(missing, 'engine')).toMatchObject({ status: 'problem', found: expect.stringContaining('/nowhere') })

  const folder = join(root, 'damaged')
  mkdirSync(folder)
  const library = Buffer.alloc(4096)
  if (process.platform === 'darwin') {
    library.writeUInt32LE(0xfeedfacf, 0)
    library.writeUInt32LE(process.arch === 'arm64' ? 0x0100000c : 0x01000007, 4)
  } else {
    library.write('\x7fELF\x02\x01\x01', 0, 'latin1')
    library.writeUInt16LE(process.arch === 'arm64' ? 0xb7 : 0x3e, 18)
  }
  const extension = process.platform === 'darwin' ? '2.dylib' : 'so.2'
  for (const name of ['framework', 'cc']) writeFileSync(join(folder, `libtensorflow_${name}.${extension}`), library)
  const damaged = await diagnose({ engine: folder, env: bare })
  expect(byName(damaged, 'loading')).toMatchObject({
    status: 'problem',
    found: expect.stringMatching(/does not load: .*libtensorflow_framework/),
    advice: 'Name another libtensorflow. Or run with --engine eager.',
  })
}, 60_000)

test('the command prints a line for each finding and ends with 0 if anything can train', async () => {
  const run = async (json: boolean) => {
    let out = ''
    const stdout = { write: (text: string) => (out += text) }
    const io: TrainIO = { stdout, stderr: stdout, env: bare, signal: new AbortController().signal, isTTY: false }
    return { code: await doctor({ engine: 'eager', json }, io), out }
  }
  const text = await run(false)
  expect(text.code).toBe(0)
  expect(text.out).toMatch(/^ok {7}node {6}Node \d+/)
  expect(text.out).toMatch(/\n\nTraining works here with --engine eager/)
  const { trains, findings } = JSON.parse((await run(true)).out)
  expect(trains).toBe('eager')
  expect(findings.map(({ name }: Finding) => name)).toEqual(['node', 'machine', 'cpu', 'eager', 'addon', 'sharp'])
}, 60_000)

describe('the verdict is', () => {
  const ok = ['node', 'machine', 'cpu', 'engine', 'loading', 'python', 'cache', 'eager', 'addon', 'sharp']
  const but = (...changes: [name: string, status: Finding['status'] | 'absent'][]) => {
    const changed = new Map(changes)
    return verdict(
      ok.flatMap((name) => {
        const status = changed.get(name) ?? 'ok'
        return status === 'absent' ? [] : [{ name, status, found: '' }]
      }),
    ).trains
  }

  test('what works best', () => {
    expect(but()).toBe('engine')
    expect(but(['loading', 'note'], ['eager', 'problem'])).toBe('engine')
    expect(but(['loading', 'absent'], ['engine', 'note'])).toBe('after a download')
    expect(but(['loading', 'absent'], ['engine', 'note'], ['python', 'problem'])).toBe('eager')
    expect(but(['loading', 'absent'], ['engine', 'note'], ['cache', 'problem'])).toBe('eager')
    expect(but(['loading', 'problem'])).toBe('eager')
  })
  test('nothing without sharp, without any engine, and on an old Node', () => {
    expect(but(['sharp', 'problem'])).toBe('nothing')
    expect(but(['loading', 'problem'], ['eager', 'problem'])).toBe('nothing')
    expect(but(['node', 'problem'])).toBe('nothing')
  })
})

test('a quota on CPUs that TensorFlow does not see is told', () => {
  const cores = os.availableParallelism()
  expect(checkMachine(`${cores * 50_000} 100000\n`)).toMatchObject({
    status: 'note',
    advice: expect.stringContaining('--threads'),
  })
  expect(checkMachine('max 100000\n').found).not.toContain('container')
})

test.runIf(process.arch === 'x64')('a CPU without AVX is a problem, and one without AVX2 slow', () => {
  expect(checkCpu('flags\t\t: fpu sse4_2\n').status).toBe('problem')
  expect(checkCpu('flags\t\t: fpu avx\n')).toMatchObject({ status: 'note', advice: expect.stringContaining('AVX2') })
  expect(checkCpu('flags\t\t: fpu avx avx2 fma amx_bf16\n')).toMatchObject({
    status: 'ok',
    details: { features: ['avx', 'avx2', 'fma', 'amx_bf16'] },
  })
})

describe('a child process', () => {
  const env = process.env
  test('gives its result, whatever else it prints', async () => {
    const body = `console.log('noise'); console.error('more'); return args.map((x) => 2 * x)`
    expect(await inChild(body, [1, 2], { env })).toEqual({ result: [2, 4], stderr: 'more\n' })
  })
  test('that dies, throws or hangs is told as such', async () => {
    expect(
      await inChild(
        `process.kill(process.pid, 'SIGSEGV'); await new Promise(() => setInterval(() => {}, 9))`,
        {},
        { env },
      ),
    ).toMatchObject({
      failed: 'killed by SIGSEGV',
      signal: 'SIGSEGV',
    })
    expect(await inChild(`throw new TypeError('no such thing')`, {}, { env })).toMatchObject({
      failed: 'TypeError: no such thing',
    })
    expect(
      await inChild(`await new Promise(() => setInterval(() => {}, 9))`, {}, { env, timeoutMs: 400 }),
    ).toMatchObject({
      failed: 'no answer in 0.4 s',
    })
    expect(
      await inChild(`process.on('exit', () => process.kill(process.pid, 'SIGKILL')); return 1`, {}, { env }),
    ).toHaveProperty('failed')
  }, 20_000)
})

test('long findings are wrapped under their column', () => {
  const text = printFindings([{ name: 'sharp', status: 'problem', found: 'a '.repeat(40).trim(), advice: 'b' }], 60)
  expect(text.split('\n')).toEqual([
    `PROBLEM  sharp     ${'a '.repeat(21).trim()}`,
    `${' '.repeat(19)}${'a '.repeat(19).trim()}`,
    `${' '.repeat(19)}-> b`,
  ])
})
