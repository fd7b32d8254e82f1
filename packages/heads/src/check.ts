import type * as tf from '@tensorflow/tfjs-core'

/** Tensors by their names in the official checkpoints, in PyTorch's layout. */
export type Params = Record<string, tf.Tensor>

export function checkPositiveIntegers(where: string, sizes: Record<string, number>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`${where}: expected ${name} to be a positive integer, got ${size}`)
    }
  }
}

export function checkOneOf(where: string, name: string, value: string, values: readonly string[]): void {
  if (!values.includes(value)) {
    throw new RangeError(`${where}: expected ${name} to be one of ${values.join(', ')}, got ${value}`)
  }
}

export function checkParams(where: string, params: Params, shapes: Record<string, number[]>): void {
  for (const [name, shape] of Object.entries(shapes)) {
    const tensor = params[name] as tf.Tensor | undefined
    if (!tensor) {
      throw new Error(
        `${where}: expected a parameter ${name} of shape [${shape}], got none. Is the checkpoint of this head?`,
      )
    }
    if (tensor.dtype !== 'float32' || String(tensor.shape) !== String(shape)) {
      throw new Error(
        `${where}: expected ${name} to be float32 [${shape}], got ${tensor.dtype} [${tensor.shape}]. ` +
          'Does the configuration match the checkpoint?',
      )
    }
  }
}

export function checkRows(where: string, x: tf.Tensor, width: number): void {
  if (x.rank !== 2 || x.shape[1] !== width || x.dtype !== 'float32') {
    throw new RangeError(
      `${where}: expected features as float32 [rows,${width}], got ${x.dtype} [${x.shape}]. Does inDim match the backbone?`,
    )
  }
}
