import type { Dtype } from './host-tensor.js'

/** The dtype under which TensorFlow.js handles a value. */
export function tfjsDtype(dtype: Dtype): 'float32' | 'int32' | 'bool' {
  if (dtype === 'bool') return 'bool'
  return /float/.test(dtype) ? 'float32' : 'int32'
}
