import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { recipes } from '../recipes/index.js'
import { checkDataset } from './check.js'
import { defaults } from './defaults.js'
import { refusal } from './fields.js'
import { resolveConfig } from './resolve.js'
import type { TrainOptions } from './schema.js'

const data = 'photos'

test('nothing given but data: the defaults of the reference', () => {
  expect(resolveConfig({ data })).toEqual({
    ...defaults,
    data,
    outputDir: 'runs/vit_small16',
    imgSize: 224,
    numWorkers: availableParallelism() - 1,
  })
})

test('flags go over the config file, which goes over the recipe, which goes over the defaults', () => {
  const config = resolveConfig(
    { data, epochs: 3 },
    { recipe: 'paper-800', epochs: 2, warmupEpochs: 1, warmupTeacherTempEpochs: 0 },
  )
  expect(config).toMatchObject({ recipe: 'paper-800', epochs: 3, warmupEpochs: 1, localCropsNumber: 10, outDim: 65536 })
  expect(config.outputDir).toBe('runs/paper-800')
})

test('an explicit undefined does not undo a default', () => {
  expect(resolveConfig({ data, epochs: undefined }, { lr: undefined })).toMatchObject({ epochs: 100, lr: 0.0005 })
})

test('the base grid follows the global crops unless it is given', () => {
  expect(resolveConfig({ data, globalCropsSize: 160 }).imgSize).toBe(160)
  expect(resolveConfig({ data, globalCropsSize: 160, imgSize: 224 }).imgSize).toBe(224)
})

test('a run that goes on keeps its settings', () => {
  const saved = resolveConfig({ data, recipe: 'demo', seed: 7 })
  expect(resolveConfig({ maxMinutes: 5 }, {}, saved)).toEqual({ ...saved, maxMinutes: 5 })
  expect(resolveConfig({ recipe: 'demo' }, {}, { ...saved, epochs: 20 }).epochs).toBe(20)
  expect(resolveConfig({ recipe: 'vits16-100ep' }, {}, saved).batchSize).toBe(512)
})

test.each(recipes.map((recipe) => [recipe.name, recipe] as const))(
  'recipe %s states only what differs, in right values',
  (name, recipe) => {
    for (const [key, value] of Object.entries(recipe.settings)) {
      expect(refusal(key as keyof TrainOptions, value)).toBeUndefined()
      expect([key, value]).not.toEqual([key, defaults[key as keyof typeof defaults]])
    }
    expect(resolveConfig({ data, recipe: name })).toMatchObject(recipe.settings)
  },
)

test('a ResNet has the settings of its kind only, whatever the recipe is of', () => {
  const config = resolveConfig({ data, recipe: 'demo', arch: 'resnet18', resnetPlanes: [8, 8, 16, 16] })
  expect(config).toMatchObject({ arch: 'resnet18', resnetPlanes: [8, 8, 16, 16], dropPathRate: 0, epochs: 45 })
  expect(Object.keys(config)).not.toContain('patchSize')
  expect(Object.keys(config)).not.toContain('embedDim')
  expect(Object.keys(config)).not.toContain('imgSize')
  expect(resolveConfig({ data, recipe: 'rn50', arch: 'vit_tiny' })).toMatchObject({ patchSize: 16, dropPathRate: 0.1 })
  expect(resolveConfig({ data, arch: 'resnet50' }).outputDir).toBe('runs/resnet50')
  expect(resolveConfig({ epochs: 200 }, {}, config)).toEqual({ ...config, epochs: 200 })
})

test.each<[TrainOptions, string]>([
  [{}, '--data is missing'],
  [{ data, arch: 'resnet50', patchSize: 8 }, '--patch-size 8 is of a vision transformer, and --arch resnet50 is none'],
  [{ data, resnetPlanes: [8, 8, 8, 8] }, '--resnet-planes 8,8,8,8 is of a ResNet, and --arch vit_small is none'],
  [{ data, arch: 'resnet50', dropPathRate: 0.1 }, '--drop-path-rate 0.1 with --arch resnet50: stochastic depth'],
  [
    { data, dropPathRate: 0, dropPathRows: 'kept' },
    '--drop-path-rows kept with --drop-path-rate 0: nothing is dropped',
  ],
  [{ data, arch: 'resnet50', microBatch: 8 }, '--micro-batch 8 with --arch resnet50: batch norm takes its statistics'],
  [
    { data, arch: 'resnet50', recompute: true },
    '--recompute true with --arch resnet50: blocks would be computed twice',
  ],
  [
    { data, arch: 'resnet50', batchSize: 1, localCropsNumber: 1, localCropsSize: 32 },
    '--local-crops-size 32 and --batch-size 1 leave one value a channel',
  ],
  [{ data, batchSize: 32, microBatch: 5 }, '--micro-batch 5 does not divide --batch-size 32: parts of different size'],
  [{ data, microBatch: 8, useBnInHead: true }, '--micro-batch 8 with --use-bn-in-head true: batch norm takes'],
  [{ data, recipe: 'papr-800' }, 'There is no recipe papr-800. Did you mean paper-800?'],
  [{ data, patchSize: 128 }, '--patch-size 128 does not fit --local-crops-size 96'],
  [{ data, localCropsSize: 8 }, '--patch-size 16 does not fit --local-crops-size 8'],
  [{ data, embedDim: 100 }, '--embed-dim 100 is not divisible by --num-heads 6'],
  [{ data, numHeads: 5 }, '--embed-dim 384 is not divisible by --num-heads 5'],
  [{ data, epochs: 5 }, '--warmup-epochs 10 is longer than --epochs 5'],
  [
    { data, headLayers: 1, useBnInHead: true },
    '--use-bn-in-head true with --head-layers 1: the head has no hidden layer for it, its only layer is the bottleneck',
  ],
  [
    { data, headLayers: 0, headBottleneck: false, useBnInHead: true },
    '--use-bn-in-head true with --head-layers 0: the head has no hidden layer for it. Use',
  ],
  [
    { data, recipe: 'demo', momentumTeacher: 0.9995 },
    '--momentum-teacher-end 0.996 is below --momentum-teacher 0.9995: the teacher is to follow more and more slowly, not faster. Use --momentum-teacher-end 0.9995 or more',
  ],
  [{ data, warmupTeacherTempEpochs: 101 }, '--warmup-teacher-temp-epochs 101 is longer than --epochs 100'],
  [{ data, globalCropsScale: [1, 0.4] }, '--global-crops-scale 1,0.4: the first number must not be above the second'],
  [{ data, localCropsScale: [0, 0.4] }, '--local-crops-scale 0,0.4: a crop of no area'],
  [{ data, blurSigma: [2, 0.1] }, '--blur-sigma 2,0.1: the first number'],
])('%j is refused: %s', (options, message) => {
  expect(() => resolveConfig(options)).toThrow(message)
})

test('what makes sense is not refused with what does not', () => {
  const accepted: TrainOptions[] = [
    { headLayers: 1, headActivation: 'relu', predictor: true }, // the predictor's hidden layer has it
    { recipe: 'moco-v2', headLayers: 1 }, // the linear head of MoCo v1; the recipe's relu has nothing to do
    { headLayers: 1, headBottleneck: false, useBnInHead: true, headActivation: 'relu' },
    { momentumTeacher: 0.99, momentumTeacherEnd: 0.99 },
    { teacher: 'student', momentumTeacher: 0.99, momentumTeacherEnd: 0.9 },
  ]
  for (const options of accepted) expect(resolveConfig({ data, ...options })).toMatchObject(options)
})

test('local crops may have any size when there are none', () => {
  expect(resolveConfig({ data, localCropsNumber: 0, localCropsSize: 8 }).localCropsNumber).toBe(0)
})

test('a patch that leaves a rest at the edge is allowed, as in the reference', () => {
  expect(resolveConfig({ data, patchSize: 5 }).patchSize).toBe(5)
})

test('a batch larger than the data set is refused with the size that fits', () => {
  expect(() => checkDataset({ batchSize: 64, accumulate: 1, data }, 10)).toThrow(
    '--batch-size 64 is larger than the data set: photos has 10 images. Use --batch-size 10 or less.',
  )
  expect(() => checkDataset({ batchSize: 64, accumulate: 1, data }, 64)).not.toThrow()
  expect(() => checkDataset({ batchSize: 4, accumulate: 3, data }, 10)).toThrow('Use --accumulate 2 or less')
})
