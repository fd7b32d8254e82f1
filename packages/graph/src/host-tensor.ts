/** Element types of tensors on the host, named as in safetensors-like libraries. */
export type Dtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool'

/**
 * A tensor in this process's memory, row by row.
 *
 * `data` is a Float32Array for float32, Float64Array for float64, Int32Array for int32, BigInt64Array for int64, Int16Array for
 * int16, Int8Array for int8, Uint8Array for uint8 and bool, and Uint16Array (the bits) for float16 and bfloat16.
 */
export interface HostTensor {
  dtype: Dtype
  shape: number[]
  data: ArrayBufferView
}

type ArrayType = new (length: number) => ArrayBufferView & { length: number; [index: number]: number | bigint }

const ARRAYS: Record<Dtype, ArrayType> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
}

/** Zeros of a dtype, in the kind of array that it is kept in. */
export function newArray(dtype: Dtype, length: number) {
  return new ARRAYS[dtype](length)
}

export function arrayName(dtype: Dtype): string {
  return ARRAYS[dtype].name
}

/** True if an array is of the kind that a dtype is kept in (a Buffer is a Uint8Array; canvas pixels count as uint8). */
export function holds(dtype: Dtype, data: ArrayBufferView): boolean {
  return data instanceof ARRAYS[dtype] || (dtype === 'uint8' && data instanceof Uint8ClampedArray)
}

export function isDtype(dtype: unknown): dtype is Dtype {
  return typeof dtype === 'string' && Object.hasOwn(ARRAYS, dtype)
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1)
}

export function bytesOf({ dtype, shape }: { dtype: Dtype; shape: readonly number[] }): number {
  return sizeOf(shape) * newArray(dtype, 1).byteLength
}

/** `float32[2,3]`. */
export function typeText({ dtype, shape }: { dtype: string; shape: readonly number[] }): string {
  return `${dtype}[${shape.join(',')}]`
}
