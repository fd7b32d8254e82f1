import { createHash } from 'node:crypto'
import type { HostTensor } from '../train/host-tensor.js'

/** A hash of tensors, whatever file they lie in: names, types, shapes and values, in any order. 16 hexadecimal digits. */
export function weightsDigest(tensors: Record<string, HostTensor>): string {
  const hash = createHash('sha256')
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, shape, data } = tensors[name]!
    hash.update(JSON.stringify([name, dtype, shape]))
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('hex').slice(0, 16)
}
