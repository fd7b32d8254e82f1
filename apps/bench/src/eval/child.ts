import type * as vit from '@dino/vit'
import type { CommandContext } from '@stricli/core'
import type { EvalTiming } from './timing.js'

export interface EvalChildFlags {
  measure: 'knn' | 'features' | 'video'
  folder?: string
  dim: number
  classes: number
  repeats: number
  arch: vit.Architecture
  patchSize: number
  batch: number
  batches: number
  precision: 'fp32' | 'bf16'
  photos?: string
  images: number
  clip?: string
  threads?: number
}

/** Times our side of one measure in this process, prints one JSON line. */
export async function printEval(this: CommandContext, flags: EvalChildFlags): Promise<void> {
  this.process.stdout.write(`${JSON.stringify(await timing(flags))}\n`)
}

/** Each imports its own: the memory of one is not that of another. */
async function timing({ measure, folder = '', clip = '', ...flags }: EvalChildFlags): Promise<EvalTiming> {
  if (measure === 'knn') return (await import('./knn.js')).timeKnn(folder, flags)
  if (measure === 'features') return (await import('./features.js')).timeFeatures(flags)
  const { clips, timeClip } = await import('./video.js')
  return timeClip(folder, clips[clip]!, flags.repeats)
}
