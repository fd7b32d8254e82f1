import { existsSync } from 'node:fs'
import { bfloat16Support, type Precision } from '@dino/graph'
import type { TrainConfig } from './schema.js'

/**
 * The settings with `auto` decided: bf16 where the hardware multiplies it, else fp32. A run that goes on keeps what it began with, or its
 * numbers would change on another machine.
 *
 * @param saved the settings of the run that goes on
 */
export function settlePrecision(config: TrainConfig, saved?: TrainConfig, support = bfloat16Support): TrainConfig {
  if (config.precision !== 'auto') return config
  if (saved) return { ...config, precision: saved.precision }
  return { ...config, precision: config.engine !== 'eager' && support({ gpu: onGpu(config) }).fast ? 'bf16' : 'fp32' }
}

/** What `compile` is told. */
export function productsOf({ precision }: Pick<TrainConfig, 'precision'>): Precision {
  return precision === 'bf16' ? 'bfloat16' : 'float32'
}

/** For the first lines of a run. */
export function precisionText(config: TrainConfig): string {
  if (config.precision !== 'bf16') return config.precision
  const { fast, reason } = bfloat16Support({ gpu: onGpu(config) })
  return fast ? `bf16 products (${reason}), fp32 state` : `bf16 products, fp32 state; slower than fp32 here (${reason})`
}

/** TensorFlow takes the first GPU unless told otherwise. */
function onGpu({ device }: TrainConfig & { device?: string }): boolean {
  return device === undefined ? existsSync('/dev/nvidia0') : device.startsWith('gpu')
}
