import { recipe } from './recipe.js'

/** BYOL on a ViT-S/16: row 7 of the paper's table 7. */
export const byol = recipe({
  name: 'byol',
  summary: 'BYOL: a predictor and the squared error of directions, on two crops',
  source:
    'Grill et al. 2020, section 3.3 (heads, predictor, loss, momentum); backbone, optimizer and crops of Caron et al. 2021, table 7. ' +
    'The loss is the mean of its two directions, where BYOL adds them up',
  expect: 'ImageNet k-NN 66.6 %, linear 71.4 %',
  settings: {
    batchSize: 1024,
    epochs: 300,
    localCropsNumber: 0,
    globalCropsScale: [0.14, 1],
    loss: 'mse',
    centering: 'none',
    predictor: true,
    headLayers: 2,
    headHiddenDim: 4096,
    headActivation: 'relu',
    useBnInHead: true,
    lastLayer: 'none',
  },
})
