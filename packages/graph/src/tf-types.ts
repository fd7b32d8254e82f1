/** TensorFlow's numbers for types (tensorflow/core/framework/types.proto), those that this package handles. */
export const TYPE_NUMBER = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  float16: 19,
  resource: 20,
} as const

export type TypeName = keyof typeof TYPE_NUMBER

const TYPE_NAME = new Map(Object.entries(TYPE_NUMBER).map(([name, number]) => [number as number, name as TypeName]))

export function typeName(number: number): TypeName | undefined {
  return TYPE_NAME.get(number)
}
