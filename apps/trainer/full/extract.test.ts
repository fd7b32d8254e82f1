import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readNpy } from '@dino/weights/node'
import { expect, test } from 'vitest'
import { writePhoto, writeTinyVit } from '../src/inspect/photos.fixture.js'
import '../src/train/host-backend.js'

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const COUNT = 100_000
/** Garbage is collected every second: what is left does not depend on when V8 finds time. */
const COLLECT = 'data:text/javascript,setInterval(gc, 1000).unref()'
const SHARD = 1000

interface Extraction {
  /** Resident bytes when each of the shards had been written, from /proc. */
  resident: number[]
  signal: NodeJS.Signals | null
  status: number | null
  stderr: string
}

// Two to four minutes on two cores.
test('extraction of 100,000 images keeps memory flat, and goes on after kill -9', {
  timeout: 30 * 60_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dino-extract-'))
  try {
    await writeTinyVit(join(folder, 'vit.safetensors'))
    const files = Array.from({ length: 50 }, (_, i) => join(folder, `${i}.png`))
    for (const [seed, file] of files.entries()) await writePhoto(file, { colour: [5 * seed, 90, 120], seed })
    writeFileSync(join(folder, 'list.txt'), `${Array.from({ length: COUNT }, (_, i) => files[i % 50]).join('\n')}\n`)
    const output = join(folder, 'features')
    const index = () => JSON.parse(readFileSync(join(output, 'index.json'), 'utf8'))
    const extract = (killAt?: number) => run(folder, output, killAt)

    const killed = await extract(20)
    expect(killed.signal).toBe('SIGKILL')
    expect(index().complete).toBe(false)
    const kept = index().shards.length
    expect(kept).toBeGreaterThanOrEqual(20)

    const { status, stderr, resident } = await extract()
    expect(status, stderr).toBe(0)
    expect(stderr).toContain(`holds ${kept} of 100 shards already`)
    expect(index()).toMatchObject({ complete: true, rows: COUNT, leftOut: 0 })
    const [first, last] = await Promise.all(['000000', '000099'].map((name) => readNpy(join(output, `${name}.npy`))))
    expect(first!.shape).toEqual([SHARD, 4, 32])
    expect(last).toEqual(first) // the same fifty files again and again, on both sides of the kill

    console.log(`resident MB at each shard: ${resident.map((bytes) => Math.round(bytes / 1e6)).join(' ')}`)
    const mean = (rows: number[]) => rows.reduce((sum, bytes) => sum + bytes, 0) / rows.length
    expect(mean(resident.slice(-20)) - mean(resident.slice(10, 30))).toBeLessThan(30e6)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** Runs the built command; with `killAt` until so many shards are there. */
function run(folder: string, output: string, killAt = Number.POSITIVE_INFINITY): Promise<Extraction> {
  const args = ['extract', 'vit.safetensors', '--data', 'list.txt', '--features', 'patches', '--format', 'npy']
  const flags = ['--expose-gc', '--import', COLLECT]
  const child = spawn(process.execPath, [...flags, cli, ...args, '--shard-size', String(SHARD), '--output', output], {
    cwd: folder,
  })
  const resident: number[] = []
  let stderr = ''
  child.stderr.on('data', (text) => (stderr += text))
  let seen = 0
  const watch = setInterval(() => {
    const path = join(output, 'index.json')
    const shards = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).shards.length : 0
    if (shards === seen) return
    seen = shards
    const pages = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
    if (pages) resident.push(1024 * Number(pages[1]))
    if (shards >= killAt) child.kill('SIGKILL')
  }, 50)
  return new Promise((resolve) => {
    child.on('close', (status, signal) => {
      clearInterval(watch)
      resolve({ resident, status, signal, stderr })
    })
  })
}
