import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, test, vi } from 'vitest'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 600_000 })

const dist = new URL('../dist/index.js', import.meta.url)
const tfjs = pathToFileURL(createRequire(import.meta.url).resolve('@tensorflow/tfjs-core'))

/** A session and a call that takes seconds: long enough for what the scripts do meanwhile. */
const PRELUDE = `
  import tf from '${tfjs}'
  import { compile, openSession } from '${dist}'
  const session = await openSession()
  await session.create({ w: { dtype: 'float32', shape: [1024, 1024], data: new Float32Array(1024 * 1024).fill(1e-4) } })
  const products = (n) => compile(
    (_, { w }) => {
      let x = w
      for (let i = 0; i < n; i++) x = tf.matMul(x, w)
      return { outputs: { sum: tf.sum(x) }, state: { w: tf.mul(w, 1) } }
    },
    { session, name: 'products', inputs: {} },
  )
  const quick = await products(1)
  await quick({})
  const slow = await products(400)
  console.log('ready')
`

interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  out: string
  seconds: number
}

function run(script: string, { prelude = PRELUDE } = {}): Promise<Ended> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--input-type=module', '-e', prelude + script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  let out = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (out += chunk))
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, out, seconds: (performance.now() - started) / 1000 }))
  })
}

beforeAll(async () => {
  if (!existsSync(dist)) throw new Error('process.test.ts runs the built package: npm run build first')
  const { findEngine } = await import('./index.js')
  await findEngine() // fetched here, if it has to be, and not within a test's time
})

describe('the process ends cleanly', () => {
  test('when nothing is closed', async () => {
    expect(await run('console.log(Object.keys(await quick({})))')).toMatchObject({
      code: 0,
      signal: null,
      out: "ready\n[ 'sum' ]\n",
    })
  })

  test('after the calls that nobody waits for', async () => {
    expect(await run("quick({}); quick({}).then(() => console.log('done'))")).toMatchObject({
      code: 0,
      out: 'ready\ndone\n',
    })
  })

  test('with 1 after a rejected promise that nobody looks at', async () => {
    const { code, signal, out } = await run('quick({ x: 1 }); slow({})')
    expect({ code, signal }).toEqual({ code: 1, signal: null })
    expect(out).toMatch('products: unknown input x')
  })

  test('while a call of seconds runs: at once on process.exit and Ctrl-C, and after an error', async () => {
    const later = (what: string) => `slow({}).then(() => console.log('done')); setTimeout(() => { ${what} }, 200)`
    const whole = await run("await slow({}); console.log('done')")
    expect(whole).toMatchObject({ code: 0, out: 'ready\ndone\n' })
    const exit = await run(later('process.exit(3)'))
    expect(exit).toMatchObject({ code: 3, signal: null, out: 'ready\n' })
    expect(exit.seconds).toBeLessThan(whole.seconds)
    const error = await run(later("throw new Error('boom')"))
    expect(error).toMatchObject({ code: 1, signal: null })
    expect(error.out).toMatch('boom')
    expect(await run(later("process.kill(process.pid, 'SIGINT')"))).toMatchObject({
      code: null,
      signal: 'SIGINT',
      out: 'ready\n',
    })
    const handled = await run(
      `process.on('SIGINT', () => process.exit(130)); ${later("process.kill(process.pid, 'SIGINT')")}`,
    )
    expect(handled).toMatchObject({ code: 130, signal: null, out: 'ready\n' })
  })

  test('after close, which lets the call under way finish', async () => {
    const script =
      'const call = quick({}); await session.close(); console.log(Object.keys(await call)); process.exit(0)'
    expect(await run(script)).toMatchObject({ code: 0, signal: null, out: "ready\n[ 'sum' ]\n" })
  })
})

describe('refused with a clear error are', () => {
  const report = `.then(() => console.log('opened'), (error) => console.log(error.message))`

  test('worker threads', async () => {
    const worker = `import { openSession } from '${dist}'; await openSession()${report}`
    const script = `
      import { Worker } from 'node:worker_threads'
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(worker)})))
      await new Promise((resolve) => worker.on('exit', resolve))
    `
    const { code, out } = await run(script, { prelude: '' })
    expect(out).toMatch(
      'libtensorflow runs in the main thread only, and this is a worker thread. Open the session in the main thread',
    )
    expect(code).toBe(0)
  })

  test("a second libtensorflow beside tfjs-node's", async () => {
    const script = `
      import tf from '${tfjs}'
      import { openSession } from '${dist}'
      tf.registerBackend('tensorflow', () => ({}))
      await openSession()${report}
    `
    const { code, out } = await run(script, { prelude: '' })
    expect(out).toMatch('the native addon of @tensorflow/tfjs-node is loaded')
    expect(code).toBe(0)
  })

  test('files that are no library', async () => {
    const script = `
      import { mkdtempSync, writeFileSync } from 'node:fs'
      import { tmpdir } from 'node:os'
      import { openSession } from '${dist}'
      const dir = mkdtempSync(tmpdir() + '/dino-')
      for (const file of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) writeFileSync(dir + '/' + file, 'no library')
      await openSession({ engine: dir })${report}
    `
    const { code, out } = await run(script, { prelude: '' })
    expect(out).toMatch(/libtensorflow/)
    expect(out).not.toMatch('opened')
    expect(code).toBe(0)
  })
})
