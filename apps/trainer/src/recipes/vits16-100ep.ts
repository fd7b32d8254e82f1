import { recipe } from './recipe.js'

/** ViT-S/16, 100 epochs on ImageNet: the reference's defaults on its 8 GPUs of 64 images. */
export const vits16Epochs100 = recipe({
  name: 'vits16-100ep',
  summary: 'ViT-S/16, 100 epochs: the reference as it comes ("vanilla")',
  source: 'facebookresearch/dino, README, "Vanilla DINO training"',
  expect: 'ImageNet k-NN 69.3 %, linear 74.0 %, after 1.75 days on 8 GPUs; a user measured 68.4 (issue 280)',
  settings: { batchSize: 512 },
})
