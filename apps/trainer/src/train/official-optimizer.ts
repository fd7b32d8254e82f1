import { decays } from '@dino/optim'
import { type PickleValue, toFloat32 } from '@dino/weights'
import type { HostTensor } from './host-tensor.js'

/** Names of the same slot: in PyTorch's optimizers and the reference's LARS, and here. */
const SLOTS: Readonly<Record<string, string>> = {
  exp_avg: 'exp_avg',
  exp_avg_sq: 'exp_avg_sq',
  step: 'step',
  momentum_buffer: 'momentum_buffer',
  mu: 'momentum_buffer',
}

/**
 * What the optimizer of a reference checkpoint remembers, as `SLOT.NAME`: there it goes by numbers, which count the parameters of
 * two groups, those that decay first (`get_params_groups` in utils.py).
 *
 * @param optimizer `optimizer` of the checkpoint
 * @param student all parameters of its student, in the checkpoint's order, under the names that they have here
 * @returns the moments, or why they are none of this student's
 */
export function officialMoments(
  optimizer: PickleValue | undefined,
  student: Record<string, HostTensor>,
): Record<string, HostTensor> | string {
  const state = entry(optimizer, 'state')
  const groups = entry(optimizer, 'param_groups')
  if (!(state instanceof Map) || !Array.isArray(groups)) return 'the file has none'
  const numbers = groups.map((group) => entry(group, 'params'))
  const names = namesOfGroups(student, numbers)
  if (!names) return 'its groups of parameters are none of the reference'

  const moments: Record<string, HostTensor> = {}
  for (const [group, list] of names.entries()) {
    for (const [i, name] of list.entries()) {
      const slots = state.get((numbers[group] as PickleValue[])[i]!)
      if (!(slots instanceof Map)) continue // never updated, as the last layer in its frozen epoch
      for (const [key, value] of slots) {
        const slot = SLOTS[String(key)]
        const tensor = slot && asTensor(value)
        if (!tensor) continue
        if (tensor.shape.length > 0 && String(tensor.shape) !== String(student[name]!.shape))
          return `the ${slot} of ${name} has shape [${tensor.shape}]`
        moments[`${slot}.${name}`] = tensor
      }
    }
  }
  return moments
}

/** The parameters of each group. The fixed lengths of prototypes (`weight_g`) are in none. */
function namesOfGroups(
  student: Record<string, HostTensor>,
  numbers: (PickleValue | undefined)[],
): [string[], string[]] | undefined {
  for (const withLengths of [true, false]) {
    const names = Object.keys(student).filter((name) => withLengths || !name.endsWith('last_layer.weight_g'))
    const decaying = names.filter((name) => decays(name, student[name]!.shape))
    const rest = names.filter((name) => !decays(name, student[name]!.shape))
    const fit = [decaying, rest].every((list, i) => (numbers[i] as PickleValue[] | undefined)?.length === list.length)
    if (fit && numbers.length === 2) return [decaying, rest]
  }
  return undefined
}

/** PyTorch counted steps as plain numbers until 1.12. */
function asTensor(value: PickleValue): HostTensor | undefined {
  if (typeof value === 'number') return { dtype: 'float32', shape: [], data: Float32Array.of(value) }
  if (typeof value !== 'object' || value === null || !('dtype' in value)) return undefined
  if (value.dtype === 'int64') {
    return { dtype: 'float32', shape: value.shape, data: Float32Array.from(value.data as BigInt64Array, Number) }
  }
  return toFloat32(value)
}

function entry(value: PickleValue | undefined, key: string): PickleValue | undefined {
  return value instanceof Map ? value.get(key) : undefined
}
