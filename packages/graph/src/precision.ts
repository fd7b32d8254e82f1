import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Session } from './session.js'

/** What matrix products and convolutions are computed in. */
export type Precision = 'float32' | 'bfloat16'

export interface Bfloat16Support {
  /** Whether products in bfloat16 are faster here than in float32. */
  fast: boolean
  /** What it was read off: `amx_bf16`, `NVIDIA GPU of compute capability 8.6`, `no bfloat16 instructions`. */
  reason: string
}

/** Where to look, for tests. */
interface Machine {
  platform: NodeJS.Platform
  arch: string
  /** The text of a file, or what a command prints; undefined if there is none. */
  read: (file: string) => string | undefined
  run: (command: string, args: readonly string[]) => string | undefined
}

/**
 * Whether the hardware multiplies bfloat16 itself: AMX or AVX512-BF16 on x86, the BF16 extension on ARM (Apple's from M2 on), tensor cores
 * from compute capability 8.0 on. Anything else would convert back and forth, which is slower than float32.
 *
 * @param gpu the products run on a GPU, not on the processor
 */
export function bfloat16Support({ gpu = false }: { gpu?: boolean } = {}, machine = thisMachine): Bfloat16Support {
  return gpu ? ofGpu(machine) : ofProcessor(machine)
}

function ofProcessor({ platform, arch, read, run }: Machine): Bfloat16Support {
  if (platform === 'linux') {
    const wanted = arch === 'arm64' ? ['bf16', 'svebf16'] : ['amx_bf16', 'avx512_bf16']
    const cpuinfo = read('/proc/cpuinfo') ?? ''
    const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? [])
    const found = wanted.filter((flag) => flags.has(flag))
    if (found.length > 0) return { fast: true, reason: found.join(', ') }
    return { fast: false, reason: `the processor has none of ${wanted.join(', ')}` }
  }
  if (platform === 'darwin' && arch === 'arm64') {
    const fast = run('sysctl', ['-n', 'hw.optional.arm.FEAT_BF16'])?.trim() === '1'
    return { fast, reason: fast ? 'FEAT_BF16' : 'the processor lacks FEAT_BF16' }
  }
  return { fast: false, reason: `not known for ${platform}-${arch}` }
}

/** Tensor cores multiply bfloat16 from Ampere on. */
const LEAST_CAPABILITY = 8

function ofGpu({ run }: Machine): Bfloat16Support {
  const printed = run('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'])
  const capabilities = (printed ?? '').split('\n').map(Number.parseFloat).filter(Number.isFinite)
  if (capabilities.length === 0) return { fast: false, reason: 'nvidia-smi does not tell what the GPU can do' }
  const least = Math.min(...capabilities) // a graph may run on any of them
  return { fast: least >= LEAST_CAPABILITY, reason: `NVIDIA GPU of compute capability ${least.toFixed(1)}` }
}

const thisMachine: Machine = {
  platform: process.platform,
  arch: process.arch,
  read(file) {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return undefined
    }
  },
  run(command, args) {
    try {
      return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 })
    } catch {
      return undefined
    }
  },
}

export function checkPrecision(name: string, precision: unknown, { engine }: Session): asserts precision is Precision {
  if (precision !== 'float32' && precision !== 'bfloat16') {
    throw new TypeError(`${name}: expected precision to be 'float32' or 'bfloat16', got ${JSON.stringify(precision)}.`)
  }
  if (precision === 'bfloat16' && engine.kind === 'eager') {
    throw new TypeError(
      `${name}: the eager engine computes in float32 only, and precision is 'bfloat16'. Leave it out, or open a session on libtensorflow.`,
    )
  }
}
