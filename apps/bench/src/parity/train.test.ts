import { fileURLToPath } from 'node:url'
import { cases, load } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { passes } from './check.js'
import { findEngine } from './engine.js'
import { train } from './train.js'

const own = fileURLToPath(new URL('../../cases', import.meta.url))
const [c] = cases<{ config: { depth: number } }>('train', own)

/** A mask that keeps every image, and branches that compute the images listed: all of them. */
function everyRow(images: tf.Tensor) {
  const [count] = images.shape as [number]
  const branches = 2 * c!.config.depth
  const all = tf.range(0, count, 1, 'int32')
  const places = tf.tile(tf.reshape(all, [1, count]), [branches, 1]) as tf.Tensor2D
  return { mask: tf.ones<tf.Rank.R2>([branches, count]), rows: { rows: Array(branches).fill(all), places } }
}

test("the reference's steps pass with rows listed for drop path", { timeout: 120_000 }, async () => {
  const checks = await train(c!, load(c!), await findEngine('tensorflow'), ({ global, local }) => {
    const [g, l] = [everyRow(global), local && everyRow(local)]
    return {
      dropPathGlobal: g.mask,
      dropPathRowsGlobal: g.rows,
      ...(l && { dropPathLocal: l.mask, dropPathRowsLocal: l.rows }),
    }
  })
  expect(checks.length).toBeGreaterThan(10)
  expect(checks.filter((check) => !passes(check))).toEqual([])
})
