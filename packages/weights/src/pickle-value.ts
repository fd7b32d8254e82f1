import type { HostTensor } from './dtype.js'

/**
 * What a pickle holds, as plain data: None is null; int is a number, or a bigint beyond 2⁵³; list and tuple are arrays; dict is a Map,
 * whatever its keys; an array of NumPy or a tensor of PyTorch is a {@link HostTensor}.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | HostTensor
  | PickleObject

/** An object of a Python class, as the pickle describes it. Nothing of the class is known, and none of its code was run. */
export class PickleObject {
  /** What it would be made with. */
  args: PickleValue[] = []
  /** What it would be given afterwards: mostly a Map of its attributes. */
  state: PickleValue = null

  /** @param type module and name: `argparse.Namespace` */
  constructor(readonly type: string) {}
}

export function isTensor(value: unknown): value is HostTensor {
  return typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value && 'data' in value
}
