import type { Row } from './experiment.js'
import { byol, mocoV2, swav, twoCrops } from './methods.js'
import type { Scale, Settings } from './scale.js'

/** Rows that several tables share; a run is made once, whatever table asks for it. */

type RowSettings = Settings | ((scale: Scale) => Settings)

export function row(name: string, title: string, settings: RowSettings, paper?: Row['paper'], note?: string): Row {
  return {
    name,
    title,
    settings: typeof settings === 'function' ? settings : () => settings,
    ...(paper && { paper }),
    ...(note && { note }),
  }
}

/** What a row sets at the paper's own size alone: elsewhere tables share one another's runs. */
export const inFull = ({ name }: Scale, settings: Settings): Settings => (name === 'imagenet' ? settings : {})

/** A row that even at the paper's own size is not what the paper trained, or of which that is not known. */
export function departing(each: Row, ...texts: string[]): Row {
  return {
    ...each,
    deviations: (scale) => [...(each.deviations?.(scale) ?? []), ...(scale.name === 'imagenet' ? texts : [])],
  }
}

/** Weights as they are made: the first step has a learning rate of 0. What "learns nothing" is held to. */
export const untrained = row('untrained', 'untrained weights', { maxSteps: 1 })

export const noMomentum: Settings = { teacher: 'student' }

/** Local crops that stand for some of the paper's: as large a share of a scale's own. */
export const localsOf = ({ locals }: Scale, paper: number) => Math.max(1, Math.round((locals * paper) / 8))

/** Multi-crop as the paper gave it to other methods; at a smaller size as the scale has it. */
const sixLocals = (method: (scale: Scale) => Settings) => (scale: Scale) => ({
  ...method(scale),
  ...inFull(scale, { localCropsNumber: localsOf(scale, 6) }),
})

const onTwoCrops = (method: (scale: Scale) => Settings, over: Settings = {}) => {
  return (scale: Scale): Settings => ({ ...method(scale), ...twoCrops, ...over })
}

const SETTINGS_OF_OTHERS =
  "loss and heads are of the method's own paper, optimizer, schedules and batch DINO's: what the paper's row had is not told"
const MOMENTUM_OF_MOCO = "a momentum of .999 throughout, of its own paper: what the paper's row had is not told"
const CROPS_OF_OTHERS =
  'six local crops, as where the paper compares methods with and without them; how large they were is not told'

/** What tables 2, 7, 13 compare DINO with: BYOL and MoCo-v2 on two crops, SwAV with multi-crop. */
export const others = {
  byol: (title: string, paper: Row['paper']) =>
    departing(row('byol', title, onTwoCrops(byol), paper), SETTINGS_OF_OTHERS),
  mocoV2: (title: string, paper: Row['paper'], note?: string) =>
    departing(row('moco-v2', title, onTwoCrops(mocoV2), paper, note), SETTINGS_OF_OTHERS, MOMENTUM_OF_MOCO),
  swav: (title: string, paper: Row['paper']) =>
    departing(row('swav', title, sixLocals(swav), paper), SETTINGS_OF_OTHERS, CROPS_OF_OTHERS),
}

const noMulticrop = (
  paper: Row['paper'],
  name = 'no-multicrop',
  title = 'no multi-crop',
  own: (scale: Scale) => Settings = () => ({}),
) =>
  departing(
    row(name, title, (scale) => ({ ...twoCrops, ...own(scale) }), paper),
    "the author tells crops, clip_grad, min_lr, lr and momentum (facebookresearch/dino issue 122); teacher temperature and norm_last_layer are the base's",
  )

const mse = (paper: Row['paper'], note: string) => row('mse', 'MSE', { loss: 'mse' }, paper, note)

const predictor = (paper: Row['paper']) =>
  row(
    'predictor',
    'with a predictor',
    ({ methods }) => ({ predictor: true, predictorHiddenDim: methods?.hidden, predictorBn: false }),
    paper,
    'the paper does not say where: ours stands before the bottleneck is normalised, without batch norm as all of DINO',
  )

const SQUARED = 'squared error of unit vectors, of centred teacher outputs, without sharpening (appendix B)'
const TWICE = '52.6 twice in the paper: k-NN of the squared error (table 7), linear of BYOL with a center (table 14)'

export const table7: readonly Row[] = [
  row('dino', 'DINO', {}, { knn: 72.8, linear: 76.1 }),
  row('no-momentum', 'no momentum', noMomentum, { knn: 0.1, linear: 0.1 }),
  row('sinkhorn', 'Sinkhorn-Knopp', { centering: 'sinkhorn' }, { knn: 72.2, linear: 76.0 }),
  noMulticrop({ knn: 67.9, linear: 72.5 }),
  mse({ knn: 52.6, linear: 62.4 }, `${SQUARED}; ${TWICE}`),
  predictor({ knn: 71.8, linear: 75.6 }),
  others.byol('BYOL', { knn: 66.6, linear: 71.4 }),
  others.mocoV2('MoCo-v2', { knn: 62.0, linear: 71.6 }, 'linear 71.4 in table 14'),
  others.swav('SwAV', { knn: 64.7, linear: 71.8 }),
  untrained,
]

const variant = (name: string, title: string, settings: RowSettings, paper: Row['paper'], note?: string) =>
  departing(row(name, title, settings, paper, note), SETTINGS_OF_OTHERS)

export const table14: readonly Row[] = [
  row('dino', 'DINO', {}, { linear: 76.1 }),
  mse({ linear: 62.4 }, SQUARED),
  predictor({ linear: 75.6 }),
  noMulticrop({ linear: 72.5, knn: 67.9 }),
  others.mocoV2('MoCo-v2', { linear: 71.4, knn: 62.0 }, 'linear 71.6 in tables 7 and 13'),
  departing(
    variant('moco-v2-mc', 'MoCo-v2, multi-crop', sixLocals(mocoV2), { linear: 73.4, knn: 65.4 }),
    ...[CROPS_OF_OTHERS, MOMENTUM_OF_MOCO],
  ),
  others.byol('BYOL', { linear: 71.4, knn: 66.6 }),
  variant('byol-no-predictor', 'BYOL, no predictor', onTwoCrops(byol, { predictor: false }), { linear: 0.1 }),
  variant(
    'byol-center',
    'BYOL, center in place of batch norm and predictor',
    onTwoCrops(byol, { predictor: false, useBnInHead: false, centering: 'center' }),
    { linear: 52.6 },
    TWICE,
  ),
  departing(variant('byol-mc', 'BYOL, multi-crop', sixLocals(byol), { linear: 64.8, knn: 59.8 }), CROPS_OF_OTHERS),
  variant(
    'swav-no-multicrop',
    'SwAV, no multi-crop',
    onTwoCrops(swav),
    { linear: 68.5, knn: 60.5 },
    "of the paper's appendix, beside 71.8 and 64.7 with multi-crop; table 14 has no row of SwAV",
  ),
  untrained,
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

/** The paper has these numbers in its figure alone. */
const RECALLED = "the paper's number is in its figure alone: ours is from memory, not read off it"
const LENGTH_UNKNOWN = 'how long the runs of this figure were is not told: 300 epochs, as those of table 7'

export const figure6: readonly Row[] = [
  row('student', 'student copy', noMomentum, { knn: 0.1 }, RECALLED),
  row('previous-iteration', 'previous iteration', { teacher: 'previous-iteration' }, { knn: 0.1 }, RECALLED),
  row('previous-epoch', 'previous epoch', { teacher: 'previous-epoch' }, { knn: 66.6 }, RECALLED),
  row('momentum', 'momentum', {}, { knn: 72.8 }),
]
  .map((each) => departing(each, LENGTH_UNKNOWN))
  .concat(untrained)

export const figure7: readonly Row[] = [
  row('both', 'centering and sharpening', {}),
  row('no-centering', 'no centering', { centering: 'none' }),
  row('no-sharpening', 'no sharpening', { sharpening: false }),
  row('neither', 'neither', { centering: 'none', sharpening: false }),
].map((each) => departing(each, LENGTH_UNKNOWN))

const short = (scale: Scale): Settings => ({ epochs: scale.epochs[0]! })

/** Of table 8, with k-NN of 300 epochs where the paper's other tables have it. */
const multiCrops = [
  { count: 2, gigabytes: 10.5, short: { hours: 17.0, linear: 71.5 }, usual: { hours: 51.0, linear: 74.5 } },
  { count: 6, gigabytes: 12.9, short: { hours: 20.3, linear: 73.8 }, usual: { hours: 60.9, linear: 75.9, knn: 72.7 } },
  { count: 10, gigabytes: 15.4, short: { hours: 24.2, linear: 74.6 }, usual: { hours: 72.6, linear: 76.1, knn: 72.8 } },
] as const

const SHARE = 'a scale with fewer local crops than 8 takes as large a share of them'
const CROP_SIZES = 'how large crops were beside other numbers of them is not told: as beside ten'

export const table8: readonly Row[] = [
  { ...noMulticrop({ linear: 72.5, knn: 67.9 }, '2', '2 global'), paperCost: { hours: 45.9, gigabytes: 9.3 } },
  ...multiCrops.map(({ count, usual: { hours, ...paper }, gigabytes }) => ({
    ...departing(
      row(
        `2+${count}`,
        `2 global, ${count} local`,
        (scale) => ({ localCropsNumber: localsOf(scale, count) }),
        paper,
        SHARE,
      ),
      ...(count === 10 ? [] : [CROP_SIZES]),
    ),
    paperCost: { hours, gigabytes },
  })),
  row(
    '2-longer',
    '2 global, half as many epochs again',
    (scale) => ({ ...twoCrops, epochs: Math.round(1.5 * scale.epochs[1]!) }),
    undefined,
    'not in the paper: for as long as multi-crop takes, and a little longer',
  ),
  {
    ...noMulticrop({ linear: 67.8 }, '2-short', '2 global, 100 epochs', short),
    paperCost: { hours: 15.3, gigabytes: 9.3 },
  },
  ...multiCrops.map(({ count, short: { hours, ...paper }, gigabytes }) => ({
    ...departing(
      row(
        `2+${count}-short`,
        `2 global, ${count} local, 100 epochs`,
        (scale) => ({ localCropsNumber: localsOf(scale, count), ...short(scale) }),
        paper,
      ),
      ...(count === 10 ? [] : [CROP_SIZES]),
    ),
    paperCost: { hours, gigabytes },
  })),
]

export const table9: readonly Row[] = [128, 256, 512, 1024].map((batch, i) =>
  departing(
    row(
      `batch-${batch}`,
      `batch ${batch}`,
      (scale) => ({ ...twoCrops, batchSize: scale.batches[i]!, ...short(scale) }),
      { knn: [57.9, 59.1, 59.6, 59.9][i]! },
      i === 0 ? 'the paper also has 35.2 for a batch of 8 and 50 epochs, which is not reproduced' : undefined,
    ),
    'whether momentum followed the batch is not told: .996 for all',
  ),
)

export const figure5: readonly Row[] = [16, 8, 5].map((patch, i) => ({
  ...departing(
    row(`patch-${patch}`, `patches of ${patch}`, (scale) => ({ patchSize: scale.patches[i]! })),
    ...(patch === 16 ? [] : ['length and batch are not told: those of patches of 16']),
    ...(patch === 5 ? ['224 pixels hold 44 patches of 5 a side, and 4 pixels that no patch sees'] : []),
  ),
  paperThroughput: [1007, 180, 44][i]!,
}))

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
