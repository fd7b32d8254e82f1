import { projection } from '@dino/heads'
import { setupOf, type TrainConfig } from '@dino/trainer'
import { flops, forward } from '../step/products.js'

/** Multiply-adds of the backbones in a run, roughly: what one run costs beside another. The images of an epoch cancel out. */
export function relativeCost(config: TrainConfig): number {
  if (config.maxSteps !== undefined) return 0 // a few steps, beside a run
  const { arch, epochs, localCropsNumber: L, globalCropsSize: S, localCropsSize: s, batchSize } = config
  // The student forward and backward is three passes, the teacher one.
  const images = (global: number, local: number) => 2 * 4 * global + 3 * L * local
  const overhead = 1 + 8 / batchSize // what a step costs whatever its batch
  if (arch.startsWith('resnet')) return epochs * overhead * images(S * S, s * s) * 4000
  const {
    embedDim: D = arch === 'vit_base' ? 768 : arch === 'vit_small' ? 384 : 192,
    depth = 12,
    patchSize = 16,
  } = config
  const tokens = (size: number) => Math.floor(size / patchSize) ** 2 + 1
  const pass = (n: number) => depth * (12 * n * D * D + 2 * n * n * D)
  return epochs * overhead * images(pass(tokens(S)), pass(tokens(s)))
}

/**
 * Floating point operations of a step's products, backbone and head: one pass of the teacher on the global crops, three of the student
 * on all, less the gradient of the images. What a run takes where products are most of it, as on ImageNet.
 *
 * @param supervised one crop an image, and no teacher
 */
export function stepFlops(config: TrainConfig, { supervised = false }: { supervised?: boolean } = {}): number {
  const { backbone: filled, head } = setupOf(config)
  const backbone = filled as Parameters<typeof forward>[0] // every default is in it
  const { batchSize: B, globalCropsSize: S, localCropsSize: s, localCropsNumber: L } = config
  const [global, local] = [(images: number) => forward(backbone, images, S), forward(backbone, L * B, s)]
  const trained = (products: ReturnType<typeof forward>) =>
    products.reduce((sum, product) => sum + (product.image ? 2 : 3) * flops([product]), 0)
  if (supervised) return trained(global(B))
  const row = Object.entries(projection.shapes(head)).reduce(
    (sum, [name, [n = 1, k]]) => sum + (k === undefined || name.endsWith('weight_g') ? 0 : 2 * n * k),
    0,
  )
  const rows = 2 * B + 3 * (2 + L) * B
  return flops(global(2 * B)) + trained(global(2 * B)) + (L > 0 ? trained(local) : 0) + rows * row
}
