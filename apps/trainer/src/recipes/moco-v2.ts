import { recipe } from './recipe.js'

/** MoCo-v2 on a ViT-S/16: row 8 of the paper's table 7. */
export const mocoV2 = recipe({
  name: 'moco-v2',
  summary: 'MoCo-v2: the own key among a queue of others, on two crops',
  source:
    'He et al. 2020 and Chen et al. 2020 (queue, temperature, head of 2048 and 128, one query and one key, momentum .999); backbone, ' +
    'optimizer and crops of Caron et al. 2021, table 7. A ViT has no batch norm to shuffle',
  expect: 'ImageNet k-NN 62.0 %, linear 71.6 %',
  settings: {
    batchSize: 1024,
    epochs: 300,
    localCropsNumber: 0,
    globalCropsScale: [0.14, 1],
    momentumTeacher: 0.999,
    momentumTeacherEnd: 0.999,
    loss: 'infonce',
    symmetricLoss: false,
    centering: 'none',
    headLayers: 2,
    headBottleneckDim: 128,
    headActivation: 'relu',
    lastLayer: 'none',
  },
})
