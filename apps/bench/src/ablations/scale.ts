import { recipes, resolveConfig, type TrainOptions } from '@dino/trainer'

export type Settings = Omit<TrainOptions, 'data' | 'outputDir' | 'recipe'>

export type ScaleName = 'tiny' | 'small' | 'imagenet'

/** The size at which tables are reproduced: what all rows share, and what the paper's numbers become. */
export interface Scale {
  name: ScaleName
  /** One line: data, model, cost. */
  summary: string
  /** Where the images come from unless --data is given; undefined where it must be. */
  data?: 'emoji'
  /** What every row begins with. */
  base: Settings
  /** K of the appendix, in the order of the paper's 1024, 4096, 16384, 65536, 262144. */
  prototypes: readonly number[]
  /** Patch sizes for the paper's 16, 8 and 5. */
  patches: readonly number[]
  /** Batch sizes of table 9, in the paper's order 128, 256, 512, 1024. */
  batches: readonly number[]
  /** Heads of the appendix, for 6, 8, 12, 16: divisors of the width. */
  heads: readonly number[]
  /** Epochs for the appendix's 100, 300 and 800. */
  epochs: readonly number[]
  /** Local crops that stand for eight of the paper's. */
  locals: number
  /** What of the other methods is smaller here; undefined: all of them is as the trainer's recipes have it. */
  methods?: MethodSizes
  /** Of rows on a ResNet, over the base. */
  resnet: Settings
  /** Learning rate of a supervised row, for 512 images a step. */
  supervisedLr: number
}

export interface MethodSizes {
  /** Width of BYOL's predictor and projector, of MoCo's and SwAV's projectors. */
  hidden: number
  /** MoCo's queue. */
  queue: number
  swavPrototypes: number
}

/** The embedded objects at 32 pixels: minutes on two cores. */
const tiny: Scale = {
  name: 'tiny',
  summary: 'the embedded objects of 7 categories at 32 pixels, a ViT of 96 x 4: one to two minutes a row on 2 cores',
  data: 'emoji',
  base: {
    ...recipeOf('demo'),
    epochs: 40,
    knnFreq: 2,
    saveckpFreq: 0,
    checkpointMinutes: 1,
  },
  prototypes: [32, 128, 512, 2048, 8192],
  patches: [16, 8, 4],
  batches: [8, 16, 32, 64],
  heads: [3, 4, 6, 8],
  epochs: [20, 40, 80],
  locals: 4,
  methods: { hidden: 256, queue: 512, swavPrototypes: 512 },
  resnet: {
    arch: 'resnet18',
    patchSize: undefined,
    embedDim: undefined,
    depth: undefined,
    numHeads: undefined,
    resnetPlanes: [16, 32, 64, 128],
    dropPathRate: 0,
  },
  supervisedLr: 0.016,
}

/** A folder such as Fashion-MNIST's or CIFAR's: hours on a CPU, minutes on a GPU. */
const small: Scale = {
  name: 'small',
  summary:
    '--data of small images, such as Fashion-MNIST or CIFAR-10, at 32 pixels, a ViT of 128 x 4, 20 epochs: about a minute a row and thousand images on 2 cores',
  base: {
    ...tiny.base,
    embedDim: 128,
    numHeads: 4,
    outDim: 1024,
    localCropsNumber: 6,
    // A crop of a twentieth of 28 pixels shows six; grey pictures bear more jitter than emoji.
    globalCropsScale: [0.5, 1],
    localCropsScale: [0.2, 0.5],
    brightness: 0.4,
    contrast: 0.4,
    batchSize: 64,
    epochs: 20,
    // A run is some hundred steps: a teacher of .99 would still be where it began.
    momentumTeacher: 0.97,
    momentumTeacherEnd: 0.99,
    knnFreq: 2,
  },
  prototypes: [64, 256, 1024, 4096, 16384],
  patches: [16, 8, 4],
  batches: [16, 32, 64, 128],
  heads: [4, 8, 16, 32],
  epochs: [10, 20, 40],
  locals: 6,
  methods: { hidden: 256, queue: 1024, swavPrototypes: 1024 },
  resnet: tiny.resnet,
  supervisedLr: tiny.supervisedLr,
}

/** The paper's own recipe, as far as it is known: for users with GPUs and ImageNet. */
const imagenet: Scale = {
  name: 'imagenet',
  summary: "--data, ImageNet-1k: the paper's ViT-S/16, 300 epochs of batches of 1024, ten local crops; days on GPUs",
  // Its 800 epochs are the only ones whose settings are told; rows of 300 and 100 epochs are taken to differ by their length alone.
  base: { arch: 'vit_small', patchSize: 16, ...recipeOf('paper-800'), epochs: 300 },
  prototypes: [1024, 4096, 16384, 65536, 262144],
  patches: [16, 8, 5],
  batches: [128, 256, 512, 1024],
  heads: [6, 8, 12, 16],
  epochs: [100, 300, 800],
  locals: 8,
  resnet: {
    ...{ patchSize: undefined, dropPathRate: 0 },
    // The reference's advice for ResNets rests on its defaults; what the base has of a ViT-S does not hold for them.
    ...{ clipGrad: 3, minLr: 1e-6, normLastLayer: true, localCropsNumber: 8 },
    ...{ warmupTeacherTemp: 0.04, teacherTemp: 0.04, warmupTeacherTempEpochs: 0 },
    ...recipeOf('rn50'),
    batchSize: 1024,
  },
  supervisedLr: 0.0005,
}

export const scales: Record<ScaleName, Scale> = { tiny, small, imagenet }

/** What of a scale may be asked for otherwise; its runs are then others. */
export interface ScaleFlags {
  scale: ScaleName
  /** Of the products of every row. */
  precision: 'fp32' | 'bf16'
  /** Epochs of a usual row; rows of other lengths are as much longer or shorter as before. */
  epochs?: number
}

export function scaleIn({ scale: name, precision, epochs }: ScaleFlags): Scale {
  const scale = scales[name]
  const base: Settings = { ...scale.base, ...(precision === 'bf16' && { precision }) }
  if (epochs === undefined) return { ...scale, base }
  const usual = resolveConfig({ ...base, data: 'DIR' })
  const inProportion = (count: number) => Math.round((count * epochs) / usual.epochs)
  const warmUps: Settings = {
    warmupEpochs: inProportion(usual.warmupEpochs),
    warmupTeacherTempEpochs: inProportion(usual.warmupTeacherTempEpochs),
  }
  return {
    ...scale,
    summary: `${scale.summary}; here with --epochs ${epochs}, warm-ups in proportion`,
    base: { ...base, ...warmUps, epochs },
    epochs: scale.epochs.map((count) => Math.max(1, inProportion(count))),
  }
}

/** What a recipe of the trainer sets. */
export function recipeOf(name: string): Settings {
  const found = recipes.find((recipe) => recipe.name === name)
  if (!found) throw new Error(`There is no recipe ${name}.`)
  return found.settings
}
