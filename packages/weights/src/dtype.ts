/** Element types, by their TensorFlow names. */
export type Dtype =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool'

/** A tensor in main memory, row-major. */
export interface HostTensor {
  dtype: Dtype
  shape: number[]
  /**
   * Float32Array for float32, Float64Array for float64, Int32Array for int32, BigInt64Array for int64, Int16Array,
   * Int8Array, Uint8Array for uint8 and bool (0 or 1), and Uint16Array of raw bits for float16 and bfloat16.
   */
  data: ArrayBufferView
}

type ArrayConstructor = {
  readonly name: string
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView
}

export interface DtypeFormat {
  dtype: Dtype
  /** The name in a safetensors header. */
  code: string
  /** Bytes an element. */
  size: number
  array: ArrayConstructor
}

/** Widest first: laid out in this order every tensor is aligned. The same order as the format's own library. */
export const formats: readonly DtypeFormat[] = [
  { dtype: 'int64', code: 'I64', size: 8, array: BigInt64Array },
  { dtype: 'float64', code: 'F64', size: 8, array: Float64Array },
  { dtype: 'float32', code: 'F32', size: 4, array: Float32Array },
  { dtype: 'int32', code: 'I32', size: 4, array: Int32Array },
  { dtype: 'bfloat16', code: 'BF16', size: 2, array: Uint16Array },
  { dtype: 'float16', code: 'F16', size: 2, array: Uint16Array },
  { dtype: 'int16', code: 'I16', size: 2, array: Int16Array },
  { dtype: 'int8', code: 'I8', size: 1, array: Int8Array },
  { dtype: 'uint8', code: 'U8', size: 1, array: Uint8Array },
  { dtype: 'bool', code: 'BOOL', size: 1, array: Uint8Array },
]

/** A header may be this long, as in the format's own library: a longer one is no header. */
export const HEADER_LIMIT_BYTES = 100_000_000
