import { recipe } from './recipe.js'

/** SwAV on a ViT-S/16: row 9 of the paper's table 7. */
export const swav = recipe({
  name: 'swav',
  summary: 'SwAV: codes by Sinkhorn-Knopp, predicted from the other views; no teacher',
  source:
    'Caron et al. 2020 (codes of each view with epsilon .05 and 3 rounds, temperature .1, head of 2048 and 128 with batch norm, 3,000 prototypes of ' +
    'unit length, fixed for an epoch); backbone, optimizer and crops of Caron et al. 2021, table 7. Without its queue, which is for small batches',
  expect: 'ImageNet k-NN 64.7 %, linear 71.8 %',
  settings: {
    batchSize: 1024,
    epochs: 300,
    teacher: 'student',
    centering: 'sinkhorn-views',
    warmupTeacherTemp: 0.05,
    teacherTemp: 0.05,
    outDim: 3000,
    headLayers: 2,
    headBottleneckDim: 128,
    headActivation: 'relu',
    useBnInHead: true,
  },
})
