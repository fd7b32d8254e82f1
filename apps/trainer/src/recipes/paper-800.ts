import { recipe } from './recipe.js'

/** ViT-S/16, 800 epochs with ten local crops: the best ViT-S/16 of the paper. */
export const paper800 = recipe({
  name: 'paper-800',
  summary: "ViT-S/16, 800 epochs, ten local crops: the paper's best ViT-S/16",
  source:
    'Caron et al. 2021, table 2 and section 3.2; crop scales as lightly quotes them; clipGrad, minLr and normLastLayer ' +
    'from memory of the released args.txt, in agreement with the author in facebookresearch/dino issue 122',
  expect: 'ImageNet k-NN 74.5 %, linear 77.0 %',
  settings: {
    batchSize: 1024,
    epochs: 800,
    localCropsNumber: 10,
    globalCropsScale: [0.25, 1],
    localCropsScale: [0.05, 0.25],
    teacherTemp: 0.07,
    warmupTeacherTempEpochs: 30,
    normLastLayer: false,
    clipGrad: 0,
    minLr: 1e-5,
  },
})
