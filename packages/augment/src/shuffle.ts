import { permutation } from '@dino/random'
import { refuseUnknown, whole } from './checks.js'

/**
 * The order of an epoch: every number below `count` once, in an order that seed and epoch alone decide. Batch i of size B is
 * `order.subarray(i * B, (i + 1) * B)`, so that a run goes on where it stopped.
 *
 * @returns [count], 4 bytes a sample
 */
export function shuffled(count: number, { seed, epoch, ...rest }: { seed: number; epoch: number }): Uint32Array {
  refuseUnknown('shuffled', rest, ['seed', 'epoch'])
  whole('shuffled', 'count', count, 0, 2 ** 32 - 1)
  whole('shuffled', 'seed', seed, 0)
  whole('shuffled', 'epoch', epoch, 0)
  return permutation(count, seed, epoch)
}
