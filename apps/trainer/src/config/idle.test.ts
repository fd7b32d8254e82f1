import { expect, test } from 'vitest'
import { recipes } from '../recipes/index.js'
import { idleSettings, refuseIdle } from './idle.js'
import { resolveConfig } from './resolve.js'
import type { TrainOptions } from './schema.js'

const data = 'photos'

function ask(flags: TrainOptions, file: TrainOptions = {}): void {
  refuseIdle(resolveConfig({ data, ...flags }, file), { data, ...flags }, file)
}

test.each<[TrainOptions, string]>([
  [{ loss: 'mse', teacherTemp: 0.07 }, '--teacher-temp 0.07 does nothing with --loss mse: it compares vectors'],
  [{ loss: 'mse', sharpening: false }, '--sharpening false does nothing with --loss mse: it compares vectors'],
  [{ recipe: 'moco-v2', sharpening: true }, '--sharpening true does nothing with --loss infonce: it compares vectors'],
  [{ sharpening: false, teacherTemp: 0.07 }, '--teacher-temp 0.07 does nothing with --sharpening false: the temp'],
  [{ warmupTeacherTemp: 0.02 }, '--warmup-teacher-temp 0.02 does nothing with --warmup-teacher-temp-epochs 0: without'],
  [{ warmupTeacherTempEpochs: 30 }, '--warmup-teacher-temp-epochs 30 does nothing with --teacher-temp 0.04: the warm'],
  [{ centering: 'sinkhorn', centerMomentum: 0.9 }, '--center-momentum 0.9 does nothing with --centering sinkhorn: the'],
  [{ infonceTemp: 0.1 }, '--infonce-temp 0.1 does nothing with --loss cross-entropy: it knows no keys. Leave it out.'],
  [{ recipe: 'byol', queueSize: 9 }, '--queue-size 9 does nothing with --loss mse: it knows no keys'],
  [{ predictorHiddenDim: 9 }, '--predictor-hidden-dim 9 does nothing with --predictor false: there is none'],
  [{ recipe: 'swav', momentumTeacher: 0.9 }, '--momentum-teacher 0.9 does nothing with --teacher student: it is no av'],
  [{ lastLayer: 'linear', normLastLayer: true }, '--norm-last-layer true does nothing with --last-layer linear: only'],
  [{ recipe: 'byol', normLastLayer: false }, '--norm-last-layer false does nothing with --last-layer none: only'],
  [{ recipe: 'byol', outDim: 99 }, '--out-dim 99 does nothing with --last-layer none: there are no prototypes'],
  [{ recipe: 'byol', freezeLastLayer: 1 }, '--freeze-last-layer 1 does nothing with --last-layer none: there are no'],
  [
    { headLayers: 1, headHiddenDim: 9 },
    '--head-hidden-dim 9 does nothing with --head-layers 1: the head has no hidden',
  ],
  [{ headLayers: 1, headActivation: 'relu' }, '--head-activation relu does nothing with --head-layers 1: the head'],
  [{ headLayers: 1, headActivation: 'gelu' }, '--head-activation gelu does nothing with --head-layers 1: the head'],
  [
    { headBottleneck: false, headBottleneckDim: 9 },
    '--head-bottleneck-dim 9 does nothing with --head-bottleneck false',
  ],
  [{ localCropsNumber: 0, localCropsSize: 9 }, '--local-crops-size 9 does nothing with --local-crops-number 0: there'],
  [{ jitterP: 0, hue: 0.1 }, '--hue 0.1 does nothing with --jitter-p 0: there is no jitter'],
  [{ blurP: [0, 0, 0], blurSigma: [1, 2] }, '--blur-sigma 1,2 does nothing with --blur-p 0,0,0: there is no blur'],
  [{ knnFreq: 0, knnK: 5 }, '--knn-k 5 does nothing with --knn-freq 0: there is no evaluation'],
  [{ initParts: 'backbone' }, '--init-parts backbone does nothing without --init: all begins fresh'],
])('%j is refused: %s', (options, message) => {
  expect(() => ask(options)).toThrow(message)
  expect(() => ask({}, options)).toThrow(message)
})

test.each(recipes.map(({ name }) => name))('recipe %s is accepted, also with a shorter warm-up', (recipe) => {
  expect(() => ask({ recipe })).not.toThrow()
  expect(() => ask({ warmupEpochs: 1 }, { recipe })).not.toThrow()
})

test('what a recipe or a default says in vain is not refused, and neither is a file that states everything', () => {
  expect(() => ask({ recipe: 'byol', predictor: false })).not.toThrow()
  const { outputDir, ...file } = resolveConfig({ data, recipe: 'byol', queueSize: 99, teacherTemp: 0.07 })
  expect([...idleSettings({ ...file, outputDir }).keys()]).toContain('queueSize')
  expect(() => ask({ outputDir, maxSteps: 1 }, file)).not.toThrow()
  expect(() => ask({ outputDir, queueSize: 99 }, file)).toThrow('--queue-size 99 does nothing')
  const { predictorHiddenDim: _, ...older } = file // of before there was this setting
  expect(() => ask({ outputDir }, older)).not.toThrow()
  // An experiment over a file of settings that go together.
  expect(() => ask({ localCropsNumber: 0 }, { localCropsNumber: 8, localCropsSize: 64 })).not.toThrow()
  expect(() => ask({ loss: 'mse' }, { sharpening: false, teacherTemp: 0.07 })).not.toThrow()
})
