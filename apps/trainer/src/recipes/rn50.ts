import { recipe } from './recipe.js'

/** ResNet-50, 100 epochs on ImageNet: what the reference advises for convnets, on its 8 GPUs of 64 images. */
export const rn50 = recipe({
  name: 'rn50',
  summary: 'ResNet-50, 100 epochs, SGD and smaller crops: start here with a convnet',
  source: 'facebookresearch/dino, README, "ResNet-50 and other convnets trainings"',
  expect:
    'no published figure; the released ResNet-50, of batch 4080 on 80 GPUs (facebookresearch/dino issue 133), has k-NN 67.5 %, linear 75.3 % on ImageNet',
  settings: {
    arch: 'resnet50',
    batchSize: 512,
    optimizer: 'sgd',
    lr: 0.03,
    weightDecay: 1e-4,
    weightDecayEnd: 1e-4,
    globalCropsScale: [0.14, 1],
    localCropsScale: [0.05, 0.14],
  },
})
