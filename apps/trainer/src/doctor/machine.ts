import { readFileSync } from 'node:fs'
import os from 'node:os'
import { bytes } from '../report/format.js'
import type { Finding } from './finding.js'

/** Node's version. */
export function checkNode(): Finding {
  const major = Number.parseInt(process.versions.node, 10)
  const found = `Node ${process.versions.node}`
  if (major >= 20) return { name: 'node', status: 'ok', found, details: { version: process.versions.node } }
  return { name: 'node', status: 'problem', found, advice: 'Install Node 20 or newer (https://nodejs.org).' }
}

/** Platform, cores and memory, and what a container leaves of them. */
export function checkMachine(cpuMax = read('/sys/fs/cgroup/cpu.max')): Finding {
  const cores = os.availableParallelism()
  const allowed = containerCpus(cpuMax)
  const memory = Math.min(os.totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  const glibc = report.header.glibcVersionRuntime
  const libc = process.platform === 'linux' ? `, ${glibc ? `glibc ${glibc}` : 'musl'}` : ''
  const details = { platform: process.platform, arch: process.arch, glibc, cores, allowedCpus: allowed, memory }
  const found = `${process.platform}-${process.arch}${libc}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${bytes(memory)} of memory`
  if (allowed !== undefined && allowed < cores) {
    const threads = Math.max(1, Math.floor(allowed))
    const limit = `${found}; this container may use ${allowed} of the cores`
    const advice = `Pass --threads ${threads} to dino train: TensorFlow would start ${cores}, which then wait for each other.`
    return { name: 'machine', status: 'note', found: limit, advice, details }
  }
  if (memory < 4e9) {
    const advice = 'A ViT-S takes 2.4 GB at batch 2; use a small recipe (--recipe demo) and a small --batch-size.'
    return { name: 'machine', status: 'note', found, advice, details }
  }
  return { name: 'machine', status: 'ok', found, details }
}

/** CPUs that a container's quota allows (cgroup 2), which TensorFlow does not look at. */
function containerCpus(cpuMax = ''): number | undefined {
  const [quota, period] = cpuMax.trim().split(' ').map(Number)
  return quota && period ? Math.round((quota / period) * 100) / 100 : undefined
}

/** What TensorFlow's kernels look for: vectors of 256 and 512 bits, products in bfloat16, tiles. */
const wanted = ['avx', 'avx2', 'fma', 'avx512f', 'avx512_bf16', 'amx_bf16', 'asimd', 'sve', 'bf16', 'i8mm']

/** The CPU's model and those of its features that matter. */
export function checkCpu(cpuinfo = read('/proc/cpuinfo')): Finding {
  const model = os.cpus()[0]?.model.trim() || 'unknown CPU'
  if (cpuinfo === undefined) return { name: 'cpu', status: 'ok', found: model, details: { model } }
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? [])
  const features = wanted.filter((flag) => flags.has(flag))
  const details = { model, features }
  const bf16 = ['avx512_bf16', 'amx_bf16', 'bf16'].some((flag) => flags.has(flag))
  const found = `${model}: ${features.join(', ') || 'no vector instructions that TensorFlow knows'}; --precision auto is ${bf16 ? 'bf16' : 'fp32'}`
  if (process.arch === 'x64' && flags.size > 0 && !flags.has('avx')) {
    const advice =
      'TensorFlow ends with "illegal instruction" without AVX. Use --engine eager, or let the virtual machine show the CPU it runs on.'
    return { name: 'cpu', status: 'problem', found, advice, details }
  }
  if (process.arch === 'x64' && flags.size > 0 && !(flags.has('avx2') && flags.has('fma'))) {
    const advice =
      'Without AVX2 and FMA products take several times as long. In a virtual machine, choose the CPU type "host".'
    return { name: 'cpu', status: 'note', found, advice, details }
  }
  return { name: 'cpu', status: 'ok', found, details }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
