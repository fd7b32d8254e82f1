import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Image, multiCrop } from './index.js'
import { AugmentPool, type AugmentPoolOptions, decode, type Sample } from './node.js'
import { workerUrl } from './worker-url.js'

vi.setConfig({ testTimeout: 60_000 }) // threads that start on a busy machine

const options = { globalSize: 24, localSize: 12, localCrops: 2 }
let folder: string
let paths: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'augment-'))
  paths = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const path = join(folder, `${i}.jpg`)
      const create = { width: 40 + i, height: 30, channels: 3 as const, background: '#808080' }
      await sharp({ create: { ...create, noise: { type: 'gaussian', mean: 128, sigma: 40 } } })
        .jpeg()
        .toFile(path)
      return path
    }),
  )
})
afterAll(() => rm(folder, { recursive: true }))

const pools: AugmentPool[] = []
function poolOf(settings: Partial<AugmentPoolOptions> = {}): AugmentPool {
  const pool = new AugmentPool({ seed: 5, options, workers: 1, ...settings })
  pools.push(pool)
  return pool
}
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.terminate())))

const all = (): Sample[] => paths.map((path, index) => ({ index, path }))
const memoryImage = (index: number): Image => ({
  data: Uint8Array.from({ length: 20 * 10 * 3 }, (_, i) => (i * 7 + index * 31) % 256),
  width: 20,
  height: 10,
  channels: 3,
})

describe.each([0, 1, 2])('with %i workers', (workers) => {
  test('the views are those of multiCrop, view by view, sample by sample', async () => {
    const { views, failed } = await poolOf({ workers }).batch({ epoch: 3, samples: all() })
    expect(failed).toEqual([])
    expect(views.map(({ length }) => length)).toEqual([2 * 8 * 24 * 24 * 3, 2 * 8 * 12 * 12 * 3])
    const augment = multiCrop(options)
    for (const [row, path] of paths.entries()) {
      const expected = augment.apply(await decode(path), augment.plan({ seed: 5, epoch: 3, sample: row }))
      for (const [view, bytes] of expected.entries()) {
        const [group, v] = view < 2 ? [views[0]!, view] : [views[1]!, view - 2]
        const at = (v * 8 + row) * bytes.length
        expect(group.subarray(at, at + bytes.length)).toEqual(bytes)
      }
    }
  })

  test('many batches at once come out in order, each with its own bytes', async () => {
    const pool = poolOf({ workers })
    const finished: number[] = []
    const batches = await Promise.all(
      Array.from({ length: 6 }, async (_, epoch) => {
        const batch = await pool.batch({ epoch, samples: all() })
        finished.push(epoch)
        return batch
      }),
    )
    expect(finished.slice().sort()).toEqual([0, 1, 2, 3, 4, 5])
    const alone = poolOf({ workers: 0 })
    for (const [epoch, { views }] of batches.entries())
      expect(views).toEqual((await alone.batch({ epoch, samples: all() })).views)
  })

  test('what cannot be read is reported, its rows are zeros, the rest is whole', async () => {
    const text = join(folder, 'text.jpg')
    await writeFile(text, 'hello')
    const missing = join(folder, 'none.jpg')
    const samples = all()
    samples[1] = { index: 71, path: text }
    samples[6] = { index: 76, path: missing }
    const pool = poolOf({ workers })
    const dirty = await pool.batch({ epoch: 9, samples: all() })
    dirty.release() // the next batch gets this memory
    const { views, failed } = await pool.batch({ epoch: 0, samples })
    expect(failed).toEqual([
      { row: 1, index: 71, path: text, reason: expect.stringContaining('it begins with "hello"') },
      { row: 6, index: 76, path: missing, reason: 'no such file' },
    ])
    const good = await poolOf({ workers: 0 }).batch({ epoch: 0, samples: all() })
    for (const [group, size] of [24, 12].entries())
      for (let view = 0; view < 2; view++)
        for (let row = 0; row < 8; row++) {
          const bytes = size * size * 3
          const at = (view * 8 + row) * bytes
          const zeros = [1, 6].includes(row)
          const expected = zeros ? new Uint8Array(bytes) : good.views[group]!.subarray(at, at + bytes)
          expect(views[group]!.subarray(at, at + bytes)).toEqual(expected)
        }
  })

  test('images in memory give the same, whatever buffer they are a view of', async () => {
    const plain = memoryImage(4)
    const shared = { ...plain, data: new Uint8Array(new SharedArrayBuffer(600)) }
    shared.data.set(plain.data)
    const part = { ...plain, data: new Uint8Array(new ArrayBuffer(5000), 1000, 600) }
    part.data.set(plain.data)
    const pool = poolOf({ workers })
    const [a, b, c] = await Promise.all(
      [plain, shared, part].map((image) => pool.batch({ epoch: 0, samples: [{ index: 2, image }] })),
    )
    expect(b!.views).toEqual(a!.views)
    expect(c!.views).toEqual(a!.views)
    expect(plain.data.length).toBe(600) // not taken away
    expect(a!.failed).toEqual([])
  })

  test('gray and transparent images become RGB', async () => {
    const gray: Image = { data: new Uint8Array(64).fill(90), width: 8, height: 8, channels: 1 }
    const clear: Image = { data: new Uint8Array(256), width: 8, height: 8, channels: 4 }
    const still = { ...options, jitter: { p: 0 }, blur: [0, 0, 0] as const, solarize: [0, 0, 0] as const }
    const { views } = await poolOf({ workers, options: still, decode: { background: [90, 90, 90] } }).batch({
      epoch: 0,
      samples: [
        { index: 0, image: gray },
        { index: 1, image: clear },
      ],
    })
    expect(views.every((view) => view.every((x) => x === 90))).toBe(true)
  })

  test('terminate rejects what is under way and what comes after', async () => {
    const pool = poolOf({ workers })
    const batches = [0, 1, 2, 3].map((epoch) => pool.batch({ epoch, samples: all() }))
    const settled = Promise.allSettled(batches)
    await pool.terminate()
    for (const result of await settled) expect(String((result as PromiseRejectedResult).reason)).toContain('terminated')
    await expect(pool.batch({ epoch: 0, samples: all() })).rejects.toThrow('AugmentPool: it was terminated.')
    await pool.terminate()
  })

  test('a signal aborts its batch and no other', async () => {
    const pool = poolOf({ workers })
    const controllers = [0, 1, 2, 3].map(() => new AbortController())
    const batches = controllers.map(({ signal }, epoch) => pool.batch({ epoch, samples: all(), signal }))
    const settled = Promise.allSettled(batches)
    controllers[0]!.abort(new Error('enough'))
    controllers[3]!.abort()
    const results = await settled
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'rejected'])
    expect((results[0] as PromiseRejectedResult).reason.message).toBe('enough')
    expect((results[3] as PromiseRejectedResult).reason.name).toBe('AbortError')
    await expect(pool.batch({ epoch: 0, samples: all(), signal: controllers[3]!.signal })).rejects.toThrow('aborted')
    expect((await pool.batch({ epoch: 1, samples: all() })).views).toEqual(
      (results[1] as PromiseFulfilledResult<{ views: Uint8Array[] }>).value.views,
    )
  })
})

test('released memory is used again, held memory never', async () => {
  const pool = poolOf()
  const a = await pool.batch({ epoch: 0, samples: all() })
  const b = await pool.batch({ epoch: 1, samples: all() })
  expect(b.views[0]!.buffer).not.toBe(a.views[0]!.buffer)
  a.release()
  a.release()
  const c = await pool.batch({ epoch: 2, samples: all() })
  const d = await pool.batch({ epoch: 2, samples: all() })
  expect(c.views[0]!.buffer).toBe(a.views[0]!.buffer)
  expect(d.views[0]!.buffer).not.toBe(a.views[0]!.buffer)
  expect(d.views).toEqual(c.views)
})

test('the ring: batch after batch lies in the same memory, however many there are', async () => {
  const pool = poolOf({ workers: 2 })
  const buffers = new Set<ArrayBufferLike>()
  let ahead = [0, 1].map((epoch) => pool.batch({ epoch, samples: all() }))
  for (let epoch = 2; epoch < 12; epoch++) {
    const batch = await ahead[0]!
    for (const { buffer } of batch.views) buffers.add(buffer)
    ahead = [ahead[1]!, pool.batch({ epoch, samples: all() })]
    batch.release()
  }
  await Promise.all(ahead)
  expect(buffers.size).toBeLessThanOrEqual(2 * 3)
})

test('images from 1x1 to 16,384x1 become views', async () => {
  const sizes = [
    [1, 1],
    [16_384, 1],
    [1, 16_384],
  ] as const
  const samples = await Promise.all(
    sizes.map(async ([width, height], index) => {
      const path = join(folder, `${width}x${height}.png`)
      await sharp({ create: { width, height, channels: 3, background: '#204060' } })
        .png()
        .toFile(path)
      return { index, path }
    }),
  )
  const still = { ...options, jitter: { p: 0 }, grayscale: 0, solarize: [0, 0, 0] as const }
  const { views, failed } = await poolOf({ workers: 1, options: still }).batch({ epoch: 0, samples })
  expect(failed).toEqual([])
  expect(views.every((view) => view.every((x, i) => x === [0x20, 0x40, 0x60][i % 3]))).toBe(true)
})

test('no local crops, no second group', async () => {
  const { views } = await poolOf({ options: { ...options, localCrops: 0 } }).batch({ epoch: 0, samples: all() })
  expect(views).toHaveLength(1)
})

test.each([0, 1])(
  'one global view an image lies in rows of its own, local ones after it (%i workers)',
  async (workers) => {
    const single = { ...options, globalCrops: 1 }
    const { views } = await poolOf({ workers, options: single }).batch({ epoch: 2, samples: all() })
    expect(views.map(({ length }) => length)).toEqual([8 * 24 * 24 * 3, 2 * 8 * 12 * 12 * 3])
    const augment = multiCrop(single)
    for (const [row, path] of paths.entries()) {
      const [global, ...locals] = augment.apply(await decode(path), augment.plan({ seed: 5, epoch: 2, sample: row }))
      expect(views[0]!.subarray(row * global!.length, (row + 1) * global!.length)).toEqual(global)
      for (const [v, local] of locals.entries()) {
        const at = (v * 8 + row) * local.length
        expect(views[1]!.subarray(at, at + local.length)).toEqual(local)
      }
    }
  },
)

describe('a worker thread that dies', () => {
  /** The worker with a weak spot: when it comes to sample 3 it runs `death`. */
  async function mortal(death: string): Promise<URL> {
    const path = join(folder, `mortal-${death.length}.mjs`)
    await writeFile(
      path,
      `import { existsSync, writeFileSync } from 'node:fs'
       import { parentPort } from 'node:worker_threads'
       let received = 0, done = 0, doomed = Infinity
       const comeToIt = () => { if (done >= doomed) { ${death} } }
       const post = parentPort.postMessage.bind(parentPort)
       parentPort.postMessage = (message) => { post(message); if ('id' in message) { done++; comeToIt() } }
       await import(${JSON.stringify(workerUrl().href)})
       parentPort.on('message', ({ job }) => { if (job.index === 3) doomed = received; received++; comeToIt() })`,
    )
    return pathToFileURL(path)
  }

  test('once is replaced, and nothing is lost', async () => {
    const flag = JSON.stringify(join(folder, 'died'))
    const url = await mortal(`if (!existsSync(${flag})) { writeFileSync(${flag}, ''); process.exit(7) }`)
    const { views, failed } = await poolOf({ workers: 2, workerUrl: url }).batch({ epoch: 0, samples: all() })
    expect(failed).toEqual([])
    expect(views).toEqual((await poolOf({ workers: 0 }).batch({ epoch: 0, samples: all() })).views)
  })

  test.each([
    ['process.exit(7)', 'exit code 7'],
    ["throw new Error('out of luck')", 'out of luck'],
  ])('of the same sample twice (%s) reports it and goes on', async (death, reason) => {
    const pool = poolOf({ workers: 2, workerUrl: await mortal(death) })
    for (let epoch = 0; epoch < 2; epoch++) {
      const { failed } = await pool.batch({ epoch, samples: all() })
      expect(failed).toEqual([{ row: 3, index: 3, path: paths[3], reason: `2 worker threads died of it: ${reason}` }])
    }
  })

  test('before it has started fails the pool, with the reason', async () => {
    const pool = poolOf({ workerUrl: new URL('file:///none/worker.js') })
    await expect(pool.batch({ epoch: 0, samples: all() })).rejects.toThrow(
      /worker thread could not start: .*worker\.js/,
    )
  })
})

/** What a program of its own prints that has a `pool` of one worker thread and the `samples`. */
async function run(code: string): Promise<string> {
  const script = `
    import { AugmentPool } from ${JSON.stringify(new URL('../dist/node.js', import.meta.url).href)}
    const pool = new AugmentPool({ seed: 0, workers: 1, options: ${JSON.stringify(options)} })
    const samples = ${JSON.stringify(paths.map((path, index) => ({ index, path })))}
    ${code}`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 60_000,
  })
  return stdout
}

test('a pool that nobody terminates does not keep the process alive', async () => {
  expect(await run('console.log((await pool.batch({ epoch: 0, samples })).failed.length)')).toBe('0\n')
})

test('terminate resolves although answers come in late', async () => {
  const stdout = await run(`
    const first = pool.batch({ epoch: 0, samples: samples.slice(0, 1) })
    const second = pool.batch({ epoch: 0, samples: samples.slice(1, 3) })
    second.catch(() => {})
    await first
    const until = performance.now() + 500
    while (performance.now() < until); // meanwhile the thread does the rest
    await pool.terminate()
    console.log('ended')`)
  expect(stdout).toBe('ended\n')
})

describe('refused', () => {
  test.each([
    ['a misspelt option', { wrokers: 2 }, "Did you mean 'workers'?"],
    ['half a worker', { workers: 0.5 }, 'workers to be a whole number from 0 to 1024, got 0.5'],
    ['a negative seed', { seed: -1 }, 'seed to be a whole number of at least 0, got -1'],
    ['a bad multi-crop', { options: { localCorps: 2 } }, "Did you mean 'localCrops'?"],
    ['a bad decoder', { decode: { keepAlpha: true } }, "unknown option 'keepAlpha'"],
  ])('%s', (_, settings, message) => expect(() => poolOf(settings as never)).toThrow(message))

  test('no samples, or one without a number', async () => {
    const pool = poolOf({ workers: 0 })
    await expect(pool.batch({ epoch: 0, samples: [] })).rejects.toThrow('the number of samples to be a whole number')
    await expect(pool.batch({ epoch: 0, samples: [{ path: 'x' } as never] })).rejects.toThrow('the index of a sample')
    await expect(pool.batch({ epoch: 0, samples: [{ index: 0 } as never] })).rejects.toThrow(
      'a path, a part or an image',
    )
    const cut = { ...memoryImage(0), width: 21 }
    await expect(pool.batch({ epoch: 0, samples: [{ index: 7, image: cut }] })).rejects.toThrow(
      'sample 7: expected 630 bytes for 21x10x3, got 600',
    )
    await expect(pool.batch({ epoch: -1, samples: all() })).rejects.toThrow('epoch to be a whole number')
  })
})

test('copies of a file under other names but the same number get the same crops', async () => {
  const copy = join(folder, 'copy.jpg')
  await copyFile(paths[0]!, copy)
  const pool = poolOf()
  const a = await pool.batch({ epoch: 0, samples: [{ index: 9, path: paths[0]! }] })
  const b = await pool.batch({ epoch: 0, samples: [{ index: 9, path: copy }] })
  expect(b.views).toEqual(a.views)
})
