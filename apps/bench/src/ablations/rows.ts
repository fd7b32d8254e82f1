import type { Row } from './experiment.js'
import { byol, mocoV2, swav, twoCrops } from './methods.js'
import type { Scale, Settings } from './scale.js'

/** Rows that several tables share; a run is made once, whatever table asks for it. */

export function row(
  name: string,
  title: string,
  settings: Settings | ((scale: Scale) => Settings),
  paper?: Row['paper'],
  note?: string,
): Row {
  return {
    name,
    title,
    settings: typeof settings === 'function' ? settings : () => settings,
    ...(paper && { paper }),
    ...(note && { note }),
  }
}

/** Weights as they are made: the first step has a learning rate of 0. What "learns nothing" is held to. */
export const untrained = row('untrained', 'untrained weights', { maxSteps: 1 })

export const noMomentum: Settings = { teacher: 'student' }

export const table7: readonly Row[] = [
  row('dino', 'DINO', {}, { knn: 72.8, linear: 76.1 }),
  row('no-momentum', 'no momentum', noMomentum, { knn: 0.1, linear: 0.1 }),
  row('sinkhorn', 'Sinkhorn-Knopp', { centering: 'sinkhorn' }, { knn: 72.2, linear: 76.0 }),
  row('no-multicrop', 'no multi-crop', twoCrops, { knn: 67.9, linear: 72.5 }),
  row(
    'mse',
    'MSE',
    { loss: 'mse' },
    { knn: 52.6, linear: 62.4 },
    'squared error of unit vectors, of centred teacher outputs, without sharpening (appendix B)',
  ),
  row(
    'predictor',
    'with a predictor',
    ({ hidden }) => ({ predictor: true, predictorHiddenDim: hidden, predictorBn: false }),
    { knn: 71.8, linear: 75.6 },
    'the paper does not say where: ours stands before the bottleneck is normalised, without batch norm as all of DINO',
  ),
  row('byol', 'BYOL', (scale) => ({ ...byol(scale), ...twoCrops }), { knn: 66.6, linear: 71.4 }),
  row('moco-v2', 'MoCo-v2', (scale) => ({ ...mocoV2(scale), ...twoCrops }), { knn: 62.0, linear: 71.6 }),
  row('swav', 'SwAV', swav, { knn: 64.7, linear: 71.8 }),
  untrained,
]

export const table14: readonly Row[] = [
  row('dino', 'DINO', {}, { linear: 76.1 }),
  row('mse', 'MSE', { loss: 'mse' }, { linear: 62.4 }),
  row('predictor', 'with a predictor', table7[5]!.settings, { linear: 75.6 }),
  row('no-multicrop', 'no multi-crop', twoCrops, { linear: 72.5 }),
  row('moco-v2', 'MoCo-v2', (scale) => ({ ...mocoV2(scale), ...twoCrops }), { linear: 71.4 }),
  row('moco-v2-mc', 'MoCo-v2, multi-crop', mocoV2, { linear: 73.4 }),
  row('byol', 'BYOL', (scale) => ({ ...byol(scale), ...twoCrops }), { linear: 71.4 }),
  row('byol-no-predictor', 'BYOL, no predictor', (scale) => ({ ...byol(scale), ...twoCrops, predictor: false }), {
    linear: 0.1,
  }),
  row(
    'byol-center',
    'BYOL, center in place of batch norm and predictor',
    (scale) => ({ ...byol(scale), ...twoCrops, predictor: false, useBnInHead: false, centering: 'center' }),
    { linear: 52.6 },
  ),
  row('byol-mc', 'BYOL, multi-crop', byol, { linear: 64.8 }),
]

export const table15: readonly Row[] = [
  row('dino', 'momentum, center', {}, { linear: 76.1 }),
  row('softmax-batch', 'momentum, softmax over the batch', { centering: 'softmax-batch' }, { linear: 75.8 }),
  row('sinkhorn', 'momentum, Sinkhorn-Knopp', { centering: 'sinkhorn' }, { linear: 76.0 }),
  row('no-momentum', 'no momentum, center', noMomentum, { linear: 0.1 }),
  row(
    'no-momentum-softmax-batch',
    'no momentum, softmax over the batch',
    { ...noMomentum, centering: 'softmax-batch' },
    { linear: 72.2 },
  ),
  row(
    'no-momentum-sinkhorn',
    'no momentum, Sinkhorn-Knopp',
    { ...noMomentum, centering: 'sinkhorn' },
    { linear: 71.8 },
    "the paper calls this row SwAV; here it is DINO's head and temperatures with SwAV's codes and no teacher",
  ),
  untrained,
]

export const figure6: readonly Row[] = [
  row('student', 'student copy', noMomentum, { knn: 0.1 }, 'read off the figure'),
  row(
    'previous-iteration',
    'previous iteration',
    { teacher: 'previous-iteration' },
    { knn: 0.1 },
    'read off the figure',
  ),
  row('previous-epoch', 'previous epoch', { teacher: 'previous-epoch' }, { knn: 66.6 }, 'read off the figure'),
  row('momentum', 'momentum', {}, { knn: 72.8 }),
  untrained,
]

export const figure7: readonly Row[] = [
  row('both', 'centering and sharpening', {}),
  row('no-centering', 'no centering', { centering: 'none' }),
  row('no-sharpening', 'no sharpening', { sharpening: false }),
  row('neither', 'neither', { centering: 'none', sharpening: false }),
]

/** Local crops for the paper's 2, 6 and 10: a quarter, three quarters and five quarters of a scale's usual 8. */
const localsOf = ({ locals }: Scale, paper: number) => Math.max(1, Math.round((locals * paper) / 8))

export const table8: readonly Row[] = [
  row('2', '2 global', twoCrops, { linear: 72.5 }),
  ...[
    [2, 74.5],
    [6, 75.9],
    [10, 76.1],
  ].map(([count, linear]) =>
    row(
      `2+${count}`,
      `2 global, ${count} local`,
      (scale) => ({ localCropsNumber: localsOf(scale, count!) }),
      { linear: linear! },
      'a scale with fewer local crops than 8 takes as large a share of them',
    ),
  ),
  row(
    '2-longer',
    '2 global, half as many epochs again',
    (scale) => ({ ...twoCrops, epochs: Math.round(1.5 * scale.epochs[1]!) }),
    undefined,
    'not in the paper: for as long as multi-crop takes, and a little longer',
  ),
  row('2-short', '2 global, 100 epochs', (scale) => ({ ...twoCrops, epochs: scale.epochs[0]! }), { linear: 67.8 }),
  row(
    '2+10-short',
    '2 global, 10 local, 100 epochs',
    (scale) => ({ localCropsNumber: localsOf(scale, 10), epochs: scale.epochs[0]! }),
    { linear: 74.6 },
  ),
]

export const table9: readonly Row[] = [128, 256, 512, 1024].map((batch, i) =>
  row(
    `batch-${batch}`,
    `batch ${batch}`,
    (scale) => ({ ...twoCrops, batchSize: scale.batches[i]!, epochs: scale.epochs[0]! }),
    { knn: [57.9, 59.1, 59.6, 59.9][i]! },
  ),
)

const resnetRow = (name: string, title: string, method: (scale: Scale) => Settings, paper: Row['paper']) =>
  row(`resnet-${name}`, `ResNet, ${title}`, (scale) => ({ ...method(scale), ...scale.resnet }), paper)

export const table13: readonly Row[] = [
  resnetRow('moco-v2', 'MoCo-v2', mocoV2, { linear: 71.1, knn: 62.9 }),
  resnetRow('byol', 'BYOL', (scale) => ({ ...byol(scale), ...twoCrops }), { linear: 72.7, knn: 65.4 }),
  resnetRow('swav', 'SwAV', swav, { linear: 74.1, knn: 65.4 }),
  resnetRow('dino', 'DINO', () => ({}), { linear: 74.5, knn: 65.6 }),
  row('moco-v2', 'ViT, MoCo-v2', (scale) => ({ ...mocoV2(scale), ...twoCrops }), { linear: 71.6, knn: 62.0 }),
  row('byol', 'ViT, BYOL', (scale) => ({ ...byol(scale), ...twoCrops }), { linear: 71.4, knn: 66.6 }),
  row('swav', 'ViT, SwAV', swav, { linear: 71.8, knn: 64.7 }),
  row('dino', 'ViT, DINO', {}, { linear: 76.1, knn: 72.8 }),
]

const onLabels = (name: string, title: string, settings: Row['settings'], accuracy: number): Row => ({
  ...row(
    ...([name, title, settings, { linear: accuracy, knn: accuracy }] as const),
    'trained on the labels, with one random crop and a flip, for as many epochs: the classifier stands where the probe of the others does',
  ),
  supervised: true,
})

/** The same network on labels: table 2, figure 3. */
export const supervised = onLabels('supervised', 'ViT, supervised', () => ({}), 79.8)

export const table2: readonly Row[] = [
  onLabels('resnet-supervised', 'ResNet, supervised', ({ resnet }) => resnet, 79.3),
  ...table13.slice(0, 4).map((each, i) => ({
    ...each,
    paper: [
      { linear: 71.1, knn: 61.9 },
      { linear: 74.4, knn: 64.8 },
      { linear: 75.3, knn: 65.7 },
      { linear: 75.3, knn: 67.5 },
    ][i]!,
  })),
  supervised,
  ...table13.slice(4).map((each, i) => ({
    ...each,
    paper: [
      { linear: 72.7, knn: 64.4 },
      { linear: 71.4, knn: 66.6 },
      { linear: 73.5, knn: 66.3 },
      { linear: 77.0, knn: 74.5 },
    ][i]!,
  })),
]

export const figure5: readonly Row[] = [16, 8, 5].map((patch, i) =>
  row(`patch-${patch}`, `patches of ${patch}`, (scale) => ({ patchSize: scale.patches[i]! })),
)

export const trial: readonly Row[] = ['small', 'smaller'].map((name, i) =>
  row(name, name, {
    embedDim: 24 - 12 * i,
    depth: 1,
    numHeads: 3,
    localCropsNumber: 1,
    epochs: 6,
    warmupEpochs: 1,
    logFreq: 1,
  }),
)
