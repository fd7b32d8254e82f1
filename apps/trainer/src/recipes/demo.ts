import { recipe } from './recipe.js'

/** A ViT of 96 x 4 on 32-pixel images: what two cores teach in a few minutes on a thousand small pictures. */
export const demo = recipe({
  name: 'demo',
  summary: 'a tiny ViT on 32-pixel images: minutes on two cores; start here on a small machine',
  source: 'measured for this project on the embedded emoji, each on white and in a scene (`dino demo`)',
  expect:
    'on the embedded set, over 3 seeds, in 4 minutes on 2 cores: category k-NN 48 to 49 % (untrained 40 to 41), mean-head Jaccard .43 to .46 (untrained .04 to .14)',
  settings: {
    arch: 'vit_tiny',
    patchSize: 8,
    embedDim: 96,
    depth: 4,
    numHeads: 3,
    outDim: 512,
    headHiddenDim: 256,
    headBottleneckDim: 64,
    globalCropsSize: 32,
    localCropsSize: 16,
    localCropsNumber: 4,
    batchSize: 32,
    epochs: 45,
    warmupEpochs: 2,
    lr: 0.008,
    momentumTeacher: 0.99,
    momentumTeacherEnd: 0.996,
    brightness: 0.2,
    contrast: 0.2,
    saturation: 0.1,
    hue: 0,
    grayscaleP: 0,
    solarizeP: [0, 0, 0],
  },
})
