import { openSession, type Session } from '@dino/graph'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { idleSettings } from '../config/idle.js'
import { resolveConfig } from '../config/resolve.js'
import type { TrainOptions } from '../config/schema.js'
import { coloured, largest, small } from './small-run.fixture.js'
import { runTraining, type StepRecord } from './training.js'

vi.setConfig({ testTimeout: 120_000 })

const images = coloured(24)
const base: TrainOptions = { ...small, freezeLastLayer: 0, warmupEpochs: 0, lr: 0.01, dropPathRate: 0 }
const bare: TrainOptions = { lastLayer: 'none', centering: 'none' }

let session: { compiled: () => Promise<Session>; eager: () => Promise<Session> }
const opened: Session[] = []
beforeAll(() => {
  const open = async (options: Parameters<typeof openSession>[0]) => {
    const session = await openSession(options)
    opened.push(session)
    return session
  }
  session = {
    compiled: () => open({ engine: 'auto', threads: 1 }),
    eager: () => open({ engine: 'eager', eagerBackend: 'cpu' }),
  }
})
afterAll(async () => {
  for (const session of opened) await session.close()
})

async function run(options: TrainOptions, engine: 'compiled' | 'eager' = 'compiled') {
  const config = resolveConfig({ ...base, ...options })
  const records: StepRecord[] = []
  const own = await session[engine]()
  await runTraining({ config, images, session: own, hooks: { onStep: (record) => void records.push(record) } })
  return { records, state: await own.read() }
}

test.each<[string, TrainOptions]>([
  ['Sinkhorn-Knopp', { centering: 'sinkhorn' }],
  ['a softmax over the batch', { centering: 'softmax-batch', headBottleneck: false, headLayers: 1 }],
  ['no centering, a plain last layer, no sharpening', { centering: 'none', lastLayer: 'linear', sharpening: false }],
  ['the squared error of centred prototypes', { loss: 'mse' }],
  ['a predictor', { predictor: true, predictorHiddenDim: 20, predictorBn: false, headActivation: 'relu' }],
  ['BYOL', { recipe: 'byol', predictorHiddenDim: 20 }],
  ['MoCo-v2', { recipe: 'moco-v2', queueSize: 20 }],
  ['SwAV', { recipe: 'swav' }],
])('%s trains on the compiled engine as eagerly', async (_, options) => {
  const [compiled, eager] = [await run({ ...options, maxSteps: 2 }), await run({ ...options, maxSteps: 2 }, 'eager')]
  for (const [i, record] of compiled.records.entries()) {
    const other = eager.records[i]!
    expect(Math.abs(record.loss - other.loss)).toBeLessThan(1e-3)
    const { loss } = resolveConfig({ ...base, ...options })
    expect(record.teacherEntropy === undefined).toBe(loss !== 'cross-entropy')
    for (const key of ['teacherEntropy', 'kl', 'outputSpread'] as const) {
      if (record[key] !== undefined) expect(Math.abs(record[key] - other[key]!)).toBeLessThan(2e-3)
    }
  }
  expect(Object.keys(compiled.state).sort()).toEqual(Object.keys(eager.state).sort())
  for (const [name, tensor] of Object.entries(compiled.state)) {
    // Adam turns a gradient of rounding noise into a whole step: lr is .01 · 6 / 256.
    expect(largest(tensor, eager.state[name]!), name).toBeLessThan(2 * 2 * 0.01 * (6 / 256) + 1e-4)
  }
})

/** t + (s - t) is s but for this. */
const ROUNDING = 1e-7

test('the student copy is the student; the previous iteration is what it was a step ago', async () => {
  const student = await run({ teacher: 'student', maxSteps: 3 })
  const before = await run({ teacher: 'previous-iteration', maxSteps: 3 })
  for (const name of Object.keys(student.state).filter((name) => name.startsWith('teacher.'))) {
    expect(largest(student.state[name]!, student.state[name.replace('teacher.', 'student.')]!)).toBeLessThan(ROUNDING)
  }
  const name = 'backbone.blocks.0.attn.qkv.weight'
  const earlier = await run({ teacher: 'previous-iteration', maxSteps: 2 })
  expect(largest(before.state[`teacher.${name}`]!, earlier.state[`student.${name}`]!)).toBeLessThan(ROUNDING)
})

test('the previous epoch stays for an epoch: 4 steps with the initial weights, then 4 with those of step 4', async () => {
  const name = 'backbone.blocks.0.attn.qkv.weight'
  const after = async (maxSteps: number) => (await run({ teacher: 'previous-epoch', maxSteps })).state
  const [three, four, six] = [await after(3), await after(4), await after(6)]
  expect(largest(three[`teacher.${name}`]!, three[`student.${name}`]!)).toBeGreaterThan(100 * ROUNDING)
  expect(largest(four[`teacher.${name}`]!, four[`student.${name}`]!)).toBeLessThan(ROUNDING)
  expect(largest(six[`teacher.${name}`]!, four[`student.${name}`]!)).toBeLessThan(ROUNDING)
})

test.each<[string, TrainOptions, TrainOptions]>([
  [
    'vectors of no prototypes',
    { ...bare, loss: 'mse', localCropsNumber: 0 },
    {
      ...{ studentTemp: 0.3, teacherTemp: 0.2, warmupTeacherTemp: 0.01, warmupTeacherTempEpochs: 2 },
      ...{ centerMomentum: 0.5, infonceTemp: 0.5, queueSize: 77, predictorHiddenDim: 9, predictorBn: false },
      ...{ normLastLayer: false, outDim: 77, freezeLastLayer: 2, localCropsSize: 24, localCropsScale: [0.1, 0.2] },
    },
  ],
  [
    'a shallow head and a copy, not sharpened',
    { lastLayer: 'linear', sharpening: false, teacher: 'student', headLayers: 1, centering: 'none', jitterP: 0 },
    {
      ...{ teacherTemp: 0.2, warmupTeacherTemp: 0.01, warmupTeacherTempEpochs: 2, centerMomentum: 0.5 },
      ...{ infonceTemp: 0.5, queueSize: 77, predictorHiddenDim: 9, predictorBn: false, normLastLayer: false },
      ...{ momentumTeacher: 0.5, momentumTeacherEnd: 0.6, headHiddenDim: 77, hue: 0.5, brightness: 1, contrast: 1 },
    },
  ],
])('of %s, what is refused as idle changes nothing, bit for bit', async (_, options, changed) => {
  const config = resolveConfig({ ...base, ...options })
  for (const key of Object.keys(changed)) expect([...idleSettings(config).keys()]).toContain(key)
  const [plain, other] = [await run({ ...options, maxSteps: 2 }), await run({ ...options, ...changed, maxSteps: 2 })]
  expect(other.records.map(({ loss }) => loss)).toEqual(plain.records.map(({ loss }) => loss))
  expect(other.state).toEqual(plain.state)
})

test.each<[string, TrainOptions, string]>([
  ['no distribution', { lastLayer: 'none' }, '--last-layer none with --loss cross-entropy'],
  ['keys with a center', { loss: 'infonce' }, '--centering center with --loss infonce'],
  ['codes of vectors', { loss: 'mse', centering: 'sinkhorn' }, '--centering sinkhorn with --loss mse'],
  [
    'a queue too short',
    { ...bare, loss: 'infonce', queueSize: 5 },
    '--queue-size 5 with --batch-size 6: a batch adds 12',
  ],
  [
    'a queue too short for one key an image',
    { ...bare, loss: 'infonce', symmetricLoss: false, queueSize: 5 },
    '--queue-size 5 with --batch-size 6: a batch adds 6',
  ],
  ['codes of parts', { centering: 'sinkhorn', microBatch: 3 }, '--micro-batch 3 with --centering sinkhorn'],
  ['statistics of parts', { predictor: true, microBatch: 3 }, '--micro-batch 3 with --predictor-bn true'],
  ['one direction of pairs', { symmetricLoss: false }, '--symmetric-loss false with --loss cross-entropy'],
  [
    'a predictor of nothing',
    { predictor: true, headBottleneck: false },
    '--predictor true with --head-bottleneck false',
  ],
  ['no layer', { headLayers: 0 }, '--head-layers 0 with --head-bottleneck true'],
])('%s is refused, with the reason', (_, options, message) => {
  expect(() => resolveConfig({ ...base, ...options })).toThrow(message)
})
