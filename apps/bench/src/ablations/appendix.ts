import type { Row } from './experiment.js'
import { departing, row, untrained } from './rows.js'
import type { Scale } from './scale.js'

/** 100 epochs of the paper, where its appendix says no other. */
const short = (scale: Scale) => ({ epochs: scale.epochs[0]! })

/** One run with two numbers in the paper, whose tables differ by something that it does not tell. */
const TWICE = 'the paper has 69.7 for its base of 100 epochs and 70.9 among its lengths: here they are one run'

const base = row('base', 'DINO, 100 epochs', short, { knn: 69.7 }, TWICE)

const prototypes = [67.8, 69.3, 69.2, 69.7, 69.1].map((knn, i) =>
  row(`k-${i + 1}`, `K ${[1024, 4096, 16384, 65536, 262144][i]}`, (s) => ({ ...short(s), outDim: s.prototypes[i]! }), {
    knn,
  }),
)

/** Linear layers in all, the prototypes' included, with K 4096. */
const depth = (bottleneck: boolean, results: readonly (number | undefined)[]) =>
  results.flatMap((knn, i) =>
    knn === undefined
      ? []
      : row(
          `head-${i + 1}${bottleneck ? '' : '-no-bottleneck'}`,
          `${i + 1} linear ${i === 0 ? 'layer' : 'layers'}${bottleneck ? '' : ', no l2 bottleneck'}`,
          (scale) => ({ ...short(scale), headBottleneck: bottleneck, headLayers: i, outDim: scale.prototypes[1]! }),
          { knn },
        ),
  )

const centers = [
  [0, 69.1],
  [0.9, 69.7],
  [0.99, 69.4],
  [0.999, 0.1],
].map(([momentum, knn]) =>
  row(
    `center-${momentum}`,
    `center momentum ${momentum}`,
    (scale) => ({ ...short(scale), centerMomentum: momentum! }),
    { knn: knn! },
  ),
)

const temperatures = [
  [0.005, 43.9],
  [0.02, 66.7],
  [0.04, 69.6],
  [0.06, 68.7],
  [0.08, 0.1],
].map(([temp, knn]) =>
  row(
    `temp-${temp === 0.005 ? 0 : temp}`,
    `teacher temperature ${temp === 0.005 ? 0 : temp}`,
    (scale) => ({ ...short(scale), teacherTemp: temp!, warmupTeacherTemp: temp!, warmupTeacherTempEpochs: 0 }),
    { knn: knn! },
    ...(temp === 0.005 ? ['the paper takes the limit of a hard assignment; ours .005, a division by 0 else'] : []),
  ),
)

const warmUp = row(
  'temp-warm-up',
  'teacher temperature .04 to .07',
  (scale) => ({
    ...short(scale),
    warmupTeacherTemp: 0.04,
    teacherTemp: 0.07,
    warmupTeacherTempEpochs: Math.round(0.3 * scale.epochs[0]!),
  }),
  { knn: 69.7 },
)

const lengths = [70.9, 72.8, 74.5].map((knn, i) =>
  row(
    `epochs-${[100, 300, 800][i]}`,
    `${[100, 300, 800][i]} epochs`,
    (scale) => ({ epochs: scale.epochs[i]! }),
    { knn },
    i === 0 ? TWICE : undefined,
  ),
)

const heads = [72.8, 73.1, 73.7, 73.8].map((knn, i) => ({
  ...row(`heads-${[6, 8, 12, 16][i]}`, `${[6, 8, 12, 16][i]} heads`, (scale) => ({ numHeads: scale.heads[i]! }), {
    knn,
  }),
  paperThroughput: [1007, 971, 927, 860][i]!,
}))

/** The global crops cover (s, 1) of the area, the local ones (.05, s). */
const crops = [
  [0.08, 65.6],
  [0.16, 68.0],
  [0.24, 69.7],
  [0.32, 69.8],
  [0.48, 69.5],
].map(([s, knn]) =>
  row(
    `split-${s}`,
    `crops split at ${s}`,
    (scale) => ({ ...short(scale), globalCropsScale: [s!, 1], localCropsScale: [0.05, s!] }),
    { knn: knn! },
  ),
)

const CROPS = 'how many local crops the rows of 100 epochs had is not told, nor, but for the splits, how large'

const ofHundredEpochs = (rows: readonly Row[]) => rows.map((each) => departing(each, CROPS))

export const appendix: readonly Row[] = [
  ...ofHundredEpochs([
    base,
    row('bn', 'batch norm in the head', (scale) => ({ ...short(scale), useBnInHead: true }), { knn: 68.6 }),
    row('relu', 'ReLU in the head', (scale) => ({ ...short(scale), headActivation: 'relu' }), { knn: 68.9 }),
    ...prototypes,
    ...depth(true, [undefined, 62.2, 68.0, 69.3]),
    ...depth(false, [61.6, 62.9, 0.1, 0.1]),
    ...centers,
    ...temperatures,
    warmUp,
  ]),
  ...lengths,
  ...heads,
  ...ofHundredEpochs(crops),
  untrained,
]
