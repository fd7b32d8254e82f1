import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from '@dino/fixtures'
import { parsePyTorch } from '@dino/weights'
import { type Check, numbers, type Tensors, tensor } from './check.js'
import { Settings } from './settings.js'

/** Every weight in each file, bit for bit. Difference: how many elements are not the same. */
export function checkpoint(c: Case, tensors: Tensors): Check[] {
  const files = new Settings(c.name, c).strings('files')
  const expected = Object.keys(tensors).filter((name) => /^(student\.|teacher\.|center$)/.test(name))
  return files.flatMap((file) => {
    const read = parsePyTorch(readFileSync(join(c.dir, file)), { file }).tensors
    return expected.map((name) => {
      const path = name === 'center' ? 'dino_loss.center' : name.replace(/^student\./, 'student.module.')
      const [ours, theirs] = [tensor(read, path), tensor(tensors, name)]
      const same = ours.dtype === theirs.dtype && String(ours.shape) === String(theirs.shape)
      const difference = same ? unequal(numbers(ours), numbers(theirs)) : Number.POSITIVE_INFINITY
      return { name: `${file} ${name}`, difference, tolerance: 0 }
    })
  })
}

function unequal(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let count = 0
  for (let i = 0; i < b.length; i++) if (!Object.is(a[i], b[i])) count++
  return count
}
