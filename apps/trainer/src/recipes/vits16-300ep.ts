import { recipe } from './recipe.js'

/** ViT-S/16, 300 epochs, prototypes of free length and a teacher that softens: the reference's "boost". */
export const vits16Epochs300 = recipe({
  name: 'vits16-300ep',
  summary: 'ViT-S/16, 300 epochs, teacher temperature .04 to .07 ("boost")',
  source: 'facebookresearch/dino, README, "Boosting DINO performance"',
  expect: 'ImageNet k-NN 73.3 %, linear 76.0 %, after 2.6 days on 16 GPUs',
  settings: { batchSize: 1024, epochs: 300, teacherTemp: 0.07, warmupTeacherTempEpochs: 30, normLastLayer: false },
})
