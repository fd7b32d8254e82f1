import { recipe } from './recipe.js'

/** ViT-S/16 where a batch of 256 is what fits: the teacher must follow more slowly, there are more steps. */
export const smallBatch = recipe({
  name: 'small-batch',
  summary: 'ViT-S/16, batch 256, with the slower teacher that this needs',
  source: 'facebookresearch/dino, help of --momentum_teacher, and issue 104',
  expect: 'no published figure; without multi-crop, batch 256 costs .8 points of k-NN against 1024 (table 9)',
  settings: { batchSize: 256, momentumTeacher: 0.9995 },
})
