import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { extractFeatures, imagesOf, openFeatures, toHost } from '@dino/trainer'
import * as vit from '@dino/vit'
import type { EvalTiming } from './timing.js'

export interface FeaturesSetting {
  arch: vit.Architecture
  patchSize: number
  batch: number
  /** Timed batches, or passes over the files. */
  batches: number
  precision: 'fp32' | 'bf16'
  /** Folder of photographs to read; without it images are in memory. */
  photos?: string
  /** Of a pass over files, which come again and again. */
  images: number
}

/** Times our side as `dino extract` does it: a network of random weights, which takes as long as a trained one. */
export async function timeFeatures(setting: FeaturesSetting): Promise<EvalTiming & { first_ms: number }> {
  const { arch, patchSize, batch, batches, photos } = setting
  const config = vit.config(arch, { patchSize })
  const io = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: new AbortController().signal,
    isTTY: false,
  }
  const began = performance.now()
  const { session, embed } = await openFeatures(
    {
      path: 'random weights',
      run: false,
      config,
      imageSize: config.imgSize,
      tensors: toHost(vit.init(config, 0)),
      normalization: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      background: [255, 255, 255],
    },
    {
      engine: 'auto',
      size: config.imgSize,
      batch,
      precision: setting.precision === 'bf16' ? 'bfloat16' : 'float32',
      io,
    },
  )
  try {
    const pixels = Uint8Array.from(
      { length: batch * config.imgSize ** 2 * 3 },
      (_, i) => Math.imul(i + 1, 2654435761) >>> 24,
    )
    await embed(pixels) // compiles what it needs
    const first = performance.now() - began
    await embed(pixels)
    const list = photos === undefined ? undefined : await imagesOf(photos)
    const indices = list && Array.from({ length: setting.images }, (_, i) => i % list.count)
    const background = [255, 255, 255] as const
    const times: number[] = []
    for (let i = 0; i < batches; i++) {
      const start = performance.now()
      if (list) await extractFeatures(list, { embed, size: config.imgSize, background, indices: indices! })
      else await embed(pixels)
      times.push(performance.now() - start)
    }
    return {
      peer: 'ours',
      version: `${session.engine.kind} ${session.engine.version}`,
      threads: availableParallelism(),
      times_ms: times,
      first_ms: first,
      max_rss_gb: process.resourceUsage().maxRSS / 1e6,
    }
  } finally {
    await session.close()
  }
}
