import { recipe } from './recipe.js'

/** ViT-S/16, 300 epochs on two global crops alone: row 4 of the paper's table 7. */
export const noMulticrop = recipe({
  name: 'no-multicrop',
  summary: 'ViT-S/16, 300 epochs, two global crops and no local ones',
  source: 'the author in facebookresearch/dino issue 122; Caron et al. 2021, table 7 row 4',
  expect: 'ImageNet k-NN 67.9 %, linear 72.5 %, after 45.9 hours on 16 GPUs (table 8)',
  settings: {
    batchSize: 1024,
    epochs: 300,
    localCropsNumber: 0,
    globalCropsScale: [0.14, 1],
    clipGrad: 0,
    minLr: 1e-5,
  },
})
