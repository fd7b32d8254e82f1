import * as resnet from '@dino/resnet'
import * as vit from '@dino/vit'

/** Products of one shape: `calls` times, `batch` matrices [m, k] by [k, n]. */
export interface Product {
  batch: number
  m: number
  k: number
  n: number
  calls: number
}

type Config = Required<vit.VitConfig> | Required<resnet.ResnetConfig>

/**
 * Every matrix product of the reference's training step, forward and backward: all tokens through all blocks (or all convolutions, as
 * the products of their patches), teacher on both global crops, student on all. A product x w costs the same again for each of its two gradients, but for those of images, which nobody asks for.
 *
 * @param batch images a step
 * @param locals local crops of each, 96 pixels; the global ones have 224
 */
export function referenceProducts(
  config: Config,
  { batch, locals, outDim }: { batch: number; locals: number; outDim: number },
): Product[] {
  const global = forward(config, 2 * batch, 224)
  const local = locals > 0 ? forward(config, locals * batch, 96) : []
  const head = (rows: number) => headForward('block' in config ? resnet.width(config) : config.embedDim, outDim, rows)
  const teacher = [...global, ...head(2 * batch)]
  const student = [...global, ...local, ...head((2 + locals) * batch)]
  return merged([...teacher, ...student, ...student.flatMap(backward)].map(({ image: _, ...product }) => product))
}

/** Floating point operations: a multiplication and an addition for each of m k n. */
export function flops(products: readonly Product[]): number {
  return products.reduce((sum, { batch, m, k, n, calls }) => sum + 2 * batch * m * k * n * calls, 0)
}

interface Forward extends Product {
  /** Whether x is the images. */
  image?: true
}

/** One pass of B square images through the backbone (METHOD 1.6). */
export function forward(config: Config, B: number, size: number): Forward[] {
  if ('block' in config) return convolutions(config, B, size)
  const { embedDim: D, depth, numHeads: H, patchSize: p, channels, mlpRatio } = config
  const N = vit.tokens(config, size, size)
  const hidden = Math.floor(D * mlpRatio)
  const block: Product[] = [
    { batch: 1, m: B * N, k: D, n: 3 * D, calls: depth }, // q, k, v
    { batch: B * H, m: N, k: D / H, n: N, calls: depth }, // q kᵀ
    { batch: B * H, m: N, k: N, n: D / H, calls: depth }, // softmax(…) v
    { batch: 1, m: B * N, k: D, n: D, calls: depth },
    { batch: 1, m: B * N, k: D, n: hidden, calls: depth },
    { batch: 1, m: B * N, k: hidden, n: D, calls: depth },
  ]
  return [{ batch: 1, m: B * (N - 1), k: channels * p * p, n: D, calls: 1, image: true }, ...block]
}

/** He et al. 2016, table 1. Of a stage's first block only what comes before its stride sees the larger map. */
function convolutions(config: resnet.ResnetConfig, B: number, size: number): Forward[] {
  const half = (side: number) => Math.ceil(side / 2)
  const side = (stage: number): number => (stage === 1 ? half(half(size)) : half(side(stage - 1)))
  const all = Object.entries(resnet.shapes(config)).filter(([, shape]) => shape.length === 4)
  return all.map(([name, shape]) => {
    const [n, channels, kernel] = shape as [number, number, number]
    const [, stage] = /^layer(\d)/.exec(name) ?? []
    const before = config.block === 'bottleneck' && Number(stage) > 1 && name.endsWith('.0.conv1.weight')
    const out = stage ? side(before ? Number(stage) - 1 : Number(stage)) : half(size)
    return {
      batch: 1,
      m: B * out ** 2,
      k: channels * kernel ** 2,
      n,
      calls: 1,
      ...(!stage && { image: true as const }),
    }
  })
}

/** The projection head: three layers, then the prototypes (METHOD 1.7). */
function headForward(D: number, K: number, rows: number): Forward[] {
  const widths = [D, 2048, 2048, 256, K]
  return widths.slice(1).map((n, i) => ({ batch: 1, m: rows, k: widths[i]!, n, calls: 1 }))
}

function backward({ batch, m, k, n, calls, image }: Forward): Forward[] {
  const ofWeight = { batch, m: k, k: m, n, calls } // xᵀ dy
  return image ? [ofWeight] : [ofWeight, { batch, m, k: n, n: k, calls }] // dy wᵀ
}

function merged(products: Product[]): Product[] {
  const all = new Map<string, Product>()
  for (const product of products) {
    const { batch, m, k, n, calls } = product
    const key = [batch, m, k, n].join()
    all.set(key, { ...product, calls: calls + (all.get(key)?.calls ?? 0) })
  }
  return [...all.values()]
}
