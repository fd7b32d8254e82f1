import type * as tf from '@tensorflow/tfjs-core'

/** A setting that a schedule may change: a number, or a scalar tensor when it is an input of a traced step. */
export type Setting = number | tf.Scalar

/**
 * How many images B and views V the rows stand for.
 *
 * @param student [V · B, K]
 * @param teacher [2 · B, K]
 */
export function views(where: string, student: tf.Tensor2D, teacher: tf.Tensor2D): { B: number; V: number } {
  checkRows(where, 'teacher', teacher)
  checkRows(where, 'student', student)
  const [rows, K] = teacher.shape
  if (rows % 2 !== 0 || rows === 0) {
    throw new RangeError(`${where}: expected teacher rows of two views, [2B,K], got [${teacher.shape}]`)
  }
  const B = rows / 2
  if (student.shape[1] !== K || student.shape[0] % B !== 0 || student.shape[0] < rows) {
    throw new RangeError(
      `${where}: expected student rows of at least two views of ${B} images, [V*${B},${K}], got [${student.shape}]. ` +
        'Do student and teacher see the same batch, with the global views first?',
    )
  }
  return { B, V: student.shape[0] / B }
}

export function checkCenter(where: string, center: tf.Tensor2D, teacher: tf.Tensor2D): void {
  const K = teacher.shape[1]
  if (center.rank !== 2 || center.shape[0] !== 1 || center.shape[1] !== K || center.dtype !== 'float32') {
    throw new RangeError(
      `${where}: expected center of shape [1,${K}], got [${center.shape}]. Was it saved with another outDim?`,
    )
  }
}

export function checkRows(where: string, what: string, tensor: tf.Tensor2D): void {
  if (tensor.rank !== 2 || tensor.dtype !== 'float32') {
    throw new RangeError(`${where}: expected ${what} as float32 [rows,K], got ${tensor.dtype} [${tensor.shape}]`)
  }
}

/** A tensor's value can't be read while tracing, so only a number's range is checked. */
export function checkTemperature(where: string, name: string, value: Setting): void {
  if (typeof value === 'number' && !(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${where}: expected ${name} above 0, got ${value}`)
  }
}
