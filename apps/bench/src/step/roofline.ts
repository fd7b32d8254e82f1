import { fileURLToPath } from 'node:url'
import { child } from '../child.js'
import type { Product } from './products.js'

/** What products take alone: no program that needs them is faster, on a machine that multiplies as PyTorch does. */
export interface Roofline {
  ms: number
  flops: number
  /** Of PyTorch, whose matmul sets the rate. */
  version: string
}

export interface RooflineOptions {
  precision: string
  device?: 'cpu' | 'cuda'
  /** Of PyTorch; its own choice unless given. */
  threads?: number | undefined
}

const script = fileURLToPath(new URL('../peers/bench_gemm.py', import.meta.url)) // beside the folder of this file once built

/** @param python of the peers */
export function measureRoofline(
  python: string,
  products: readonly Product[],
  { precision, device = 'cpu', threads }: RooflineOptions,
): Promise<Roofline> {
  const given = ['--products', JSON.stringify(products), '--precision', precision, '--device', device]
  return child<Roofline>(python, [script, ...given, ...(threads === undefined ? [] : ['--threads', String(threads)])])
}

/** `1536.0 GFLOP of products take 7200 ms alone, 213 GFLOP/s in torch.matmul 2.15.0` */
export function toldRoofline({ ms, flops, version }: Roofline): string {
  const work = `${(flops / 1e9).toFixed(1)} GFLOP of products take ${ms.toFixed(0)} ms alone`
  return `${work}, ${(flops / ms / 1e6).toFixed(0)} GFLOP/s in torch.matmul ${version}`
}
