/** A tensor outside any engine: what sessions read and write, and what a checkpoint holds. */
export interface HostTensor {
  dtype: 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'int16' | 'int8' | 'uint8' | 'bool'
  shape: number[]
  data: ArrayBufferView
}
