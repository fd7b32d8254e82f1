import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { listImages } from '@dino/augment/node'
import type { CommandContext } from '@stricli/core'
import { checkPeer } from '../check-peer.js'
import { child } from '../child.js'
import { Failure } from '../failure.js'
import { median } from '../median.js'
import type { AugmentTiming, PoolTiming } from './ours.js'
import { makePhotos } from './photos.js'
import { type AugmentResult, MEASURES, type Measured, type PoolRate, tables } from './tables.js'

export interface AugmentFlags {
  photos?: string
  rounds: number
  repeats: number
  peerPython?: string
  json: boolean
}

const cli = fileURLToPath(new URL('./cli.js', import.meta.url)) // beside this file once built
const script = (name: string) => fileURLToPath(new URL(`../peers/${name}`, import.meta.url))
const PEERS = ['pillow', 'v2', 'albumentationsx'] as const

/** Times all sides in turn and prints medians and their ratios. */
export async function runAugment(this: CommandContext, flags: AugmentFlags): Promise<void> {
  check(flags)
  const made = flags.photos === undefined ? mkdtempSync(join(tmpdir(), 'dino-photos-')) : undefined
  try {
    const photos = flags.photos ?? made!
    if (made) await makePhotos(made, flags.peerPython)
    const say = (text: string) => this.process.stderr.write(`${text}\n`)
    const result = await measure(photos, flags, say)
    this.process.stdout.write(flags.json ? `${JSON.stringify(result, null, 2)}\n` : tables(result))
  } finally {
    if (made) rmSync(made, { recursive: true })
  }
}

async function measure(photos: string, flags: AugmentFlags, say: (text: string) => void): Promise<AugmentResult> {
  const { rounds, repeats, peerPython } = flags
  const pin = canPin() ? ['taskset', '-c', '0'] : []
  const pinned = (command: string, args: string[]) => {
    const [first, ...rest] = [...pin, command, ...args] as [string, ...string[]]
    return child<AugmentTiming>(first, rest)
  }
  const given = ['--photos', photos, '--repeats', String(repeats)]
  const sides: Record<string, AugmentTiming[]> = {}
  const cores = availableParallelism()
  // One worker may use a second core: libvips decodes on a thread of its own. On one core it may not.
  const settings: { workers: number; oneCore: boolean }[] = [{ workers: 1, oneCore: false }]
  if (pin.length > 0) settings.unshift({ workers: 1, oneCore: true })
  if (cores > 1) settings.push({ workers: cores, oneCore: false })
  const rates: { side: 'ours' | 'peer'; workers: number; oneCore: boolean; timing: PoolTiming }[] = []
  const began = performance.now()
  for (let round = 0; round < rounds; round++) {
    const left =
      round === 0 ? '' : `, ${((((performance.now() - began) / round) * (rounds - round)) / 1000).toFixed(0)} s left`
    say(`round ${round + 1} of ${rounds}: ours${peerPython ? `, ${PEERS.join(', ')}` : ''}, the pool${left} …`)
    const run = async (name: string, command: string, args: string[]) => {
      ;(sides[name] ??= []).push(await pinned(command, args))
    }
    await run('ours', process.execPath, [cli, 'augment-child', ...given])
    if (peerPython) for (const peer of PEERS) await run(peer, peerPython, [script('bench_augment.py'), peer, ...given])
    for (const { workers, oneCore } of settings) {
      const asked = [...given, '--workers', String(workers)]
      const time = async (side: 'ours' | 'peer', command: string, args: string[]) => {
        const [first, ...rest] = [...(oneCore ? pin : []), command, ...args] as [string, ...string[]]
        rates.push({ side, workers, oneCore, timing: await child<PoolTiming>(first, rest) })
      }
      await time('ours', process.execPath, [cli, 'augment-child', ...asked])
      if (peerPython) await time('peer', peerPython, [script('bench_augment.py'), 'loader', ...asked])
    }
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores,
    pinned: pin.length > 0,
    photos: (await listImages(photos)).files.length,
    rounds,
    repeats,
    sides: Object.entries(sides).map(([name, timings]) => summary(name, timings)),
    pool: (['ours', 'peer'] as const).flatMap((side) =>
      settings.flatMap((setting) => {
        const own = rates.filter((each) => each.side === side && each.workers === setting.workers)
        const same = own.filter(({ oneCore }) => oneCore === setting.oneCore).map(({ timing }) => timing)
        return same.length > 0 ? [{ side, ...setting, ...poolRate(same) }] : []
      }),
    ),
  }
}

function summary(name: string, timings: AugmentTiming[]): Measured {
  const all = (pick: (timing: AugmentTiming) => number[]) => median(timings.flatMap(pick))
  const { version, ops } = timings[0]!
  return {
    name,
    version,
    decode: all(({ decode }) => decode),
    crops: all(({ crops }) => crops),
    floats: all(({ floats }) => floats),
    file: all(({ file }) => file),
    ops: Object.fromEntries(Object.keys(ops).map((op) => [op, all((timing) => timing.ops[op]!)])),
    spread: Object.fromEntries(
      MEASURES.map((key) => [key, extremes(timings.map((timing) => median(timing[key])))]),
    ) as Measured['spread'],
    gigabytes: Math.max(...timings.map(({ max_rss_gb }) => max_rss_gb)),
  }
}

function poolRate(timings: PoolTiming[]): Pick<PoolRate, 'imagesPerSecond' | 'spread' | 'gigabytes'> {
  const rates = timings.map(({ images_per_s }) => images_per_s)
  return {
    imagesPerSecond: median(rates),
    spread: extremes(rates),
    gigabytes: Math.max(...timings.map(({ max_rss_gb }) => max_rss_gb)),
  }
}

function extremes(values: number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)]
}

function check(flags: AugmentFlags): void {
  for (const flag of ['rounds', 'repeats'] as const) {
    if (Number.isInteger(flags[flag]) && flags[flag] >= 1) continue
    throw new Failure(`--${flag}: expected a whole number of 1 or more, got ${flags[flag]}.`, 2)
  }
  if (flags.photos !== undefined && !existsSync(flags.photos))
    throw new Failure(`--photos: ${flags.photos} does not exist. Give a folder of JPEGs.`, 2)
  checkPeer(flags.peerPython)
}

function canPin(): boolean {
  return spawnSync('taskset', ['-c', '0', process.execPath, '--version']).status === 0
}
