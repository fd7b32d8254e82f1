import * as vit from '@dino/vit'
import type { TrainConfig } from '../config/schema.js'
import type { Setup } from './model.js'

/** The model and constants that a configuration describes. */
export function setupOf(config: TrainConfig): Setup {
  const backbone = vit.config(config.arch, {
    imgSize: config.imgSize,
    patchSize: config.patchSize,
    ...(config.embedDim !== undefined && { embedDim: config.embedDim }),
    ...(config.depth !== undefined && { depth: config.depth }),
    ...(config.numHeads !== undefined && { numHeads: config.numHeads }),
  })
  return {
    vit: backbone,
    head: {
      inDim: backbone.embedDim,
      outDim: config.outDim,
      hiddenDim: config.headHiddenDim,
      bottleneckDim: config.headBottleneckDim,
      nlayers: config.headLayers,
      useBn: config.useBnInHead,
    },
    loss: { studentTemp: config.studentTemp, centerMomentum: config.centerMomentum },
    optim: { name: config.optimizer, clipGrad: config.clipGrad, normLastLayer: config.normLastLayer },
    recompute: config.recompute,
  }
}
