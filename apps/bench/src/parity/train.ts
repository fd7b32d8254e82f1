import { type Case, toNHWC } from '@dino/fixtures'
import type { Session, TraceableFunction } from '@dino/graph'
import { cosineSchedule, teacherTempSchedule } from '@dino/optim'
import { width as resnetWidth } from '@dino/resnet'
import { dinoObjective, dinoStep, initialState, type Setup, type StepInputs } from '@dino/trainer'
import type { HostTensor } from '@dino/weights'
import {
  type Check,
  compare,
  float32,
  InvalidCase,
  numbers,
  scalar,
  steps,
  type Tensors,
  tensor,
  under,
} from './check.js'
import { compileFor, type Engine } from './engine.js'
import { headConfig } from './head.js'
import { resnetConfig } from './resnet.js'
import { Settings } from './settings.js'
import { vitConfig, vitParams } from './vit.js'

/**
 * Whole training steps from given weights and crops: each loss, then student, teacher and center at the end.
 *
 * @param more inputs that the step gets beside those of the case
 */
export async function train(
  c: Case,
  tensors: Tensors,
  engine: Engine,
  more: (fed: StepInputs) => Partial<StepInputs> = () => ({}),
): Promise<Check[]> {
  const settings = new Settings(c.name, c)
  const backbone = backboneOf(settings.inner('config'), under('init.backbone.', tensors))
  const setup = trainSetup(settings, backbone)
  const values = schedules(settings)
  refuseLostStart(tensors, values.lr)
  const student = {
    ...prefixed('backbone.', backbone.params),
    ...prefixed('head.', under('init.head.', tensors)),
  }
  const session = await engine.open()
  try {
    await session.create(initialState(setup, student))
    const checks = await runSteps(c, tensors, settings, setup, values, session, more)
    const expected = Object.entries(tensors).filter(([name]) => /^(student|teacher)\.|^center$/.test(name))
    const end = await session.read(expected.map(([name]) => name).filter((name) => session.has(name)))
    const walk = values.lr.reduce((sum, lr) => sum + lr, 0)
    return [...checks, ...expected.flatMap(([name, value]) => compareEnd(c, name, tensor(end, name), value, walk))]
  } finally {
    await session.close()
  }
}

async function runSteps(
  c: Case,
  tensors: Tensors,
  settings: Settings,
  setup: Setup,
  values: ReturnType<typeof schedules>,
  session: Session,
  more: (fed: StepInputs) => Partial<StepInputs>,
): Promise<Check[]> {
  const iterationsPerEpoch = settings.number('iterations_per_epoch')
  const frozenEpochs = settings.number('freeze_last_layer', 0)
  const programs = new Map<string, ReturnType<typeof compileFor>>()
  const checks: Check[] = []
  for (const i of steps('in', tensors)) {
    const epoch = Math.floor(i / iterationsPerEpoch)
    const local = tensors[`in${i}.local`]
    const inputs: Tensors = {
      global: viewMajor(tensor(tensors, `in${i}.global`)),
      ...(local && local.shape[0]! > 0 ? { local: viewMajor(local) } : {}),
      lr: scalar(values.lr[i]!),
      weightDecay: scalar(values.weightDecay[i]!),
      momentum: scalar(values.momentum[i]!),
      teacherTemp: scalar(values.teacherTemp[epoch]!),
    }
    const freezeLastLayer = epoch < frozenEpochs
    const key = JSON.stringify([freezeLastLayer, inputs.global!.shape, inputs.local?.shape])
    if (!programs.has(key)) {
      const step: TraceableFunction = (given, state) => {
        const fed = given as unknown as StepInputs
        return dinoStep(setup, { ...fed, ...more(fed) }, state, { freezeLastLayer, diagnostics: false })
      }
      programs.set(key, compileFor(session, `${c.name}_${programs.size}`, inputs, step))
    }
    const { loss } = await (await programs.get(key)!)(inputs)
    checks.push(compare(c, `out${i}.loss`, loss!, tensor(tensors, `out${i}.loss`), 'loss'))
  }
  return checks
}

/**
 * Compares one variable at the end. The key's third of a qkv bias moves every logit of a query alike, so softmax takes it
 * out and its gradient is rounding noise, which Adam makes whole steps of: it may be as far off as those steps reach.
 *
 * @param walk the sum of the learning rates
 */
function compareEnd(c: Case, name: string, actual: HostTensor, expected: HostTensor, walk: number): Check[] {
  const sort = name.split('.')[0]!
  if (!name.endsWith('.attn.qkv.bias')) return [compare(c, name, actual, expected, sort)]
  const third = actual.shape[0]! / 3
  const part = (t: HostTensor, i: number) => float32([third], floats(t).subarray(i * third, (i + 1) * third))
  return ['query', 'key', 'value'].map((label, i) => {
    const check = compare(c, name, part(actual, i), part(expected, i), sort)
    const noise = label === 'key' && check.difference > check.tolerance
    const tolerance = noise ? Math.max(check.tolerance, walk) : check.tolerance
    return { ...check, name: `${name} (${label})`, tolerance }
  })
}

/** A file whose `init.*` was saved after training, not before, says nothing about how training went. */
function refuseLostStart(tensors: Tensors, lr: Float64Array): void {
  if (lr.every((value) => value === 0)) return
  const start = Object.entries(under('init.', tensors))
  const moved = start.some(([name, value]) => {
    const end = tensors[`student.${name}`]
    return !end || floats(value).some((number, i) => number !== floats(end)[i])
  })
  if (!moved)
    throw new InvalidCase('init.* equals the student at the end bit for bit: what training began with is lost')
}

interface Backbone {
  config: Setup['backbone']
  width: number
  /** Those that the model has, of what the file has. */
  params: Tensors
}

/** A ResNet if the settings name its blocks. */
function backboneOf(settings: Settings, params: Tensors): Backbone {
  if (settings.has('block')) {
    const config = resnetConfig(settings)
    return { config, width: resnetWidth(config), params }
  }
  const config = vitConfig(settings, params)
  return { config, width: config.embedDim, params: vitParams(config, params) }
}

function trainSetup(settings: Settings, { config, width }: Backbone): Setup {
  const head = headConfig(new Settings(settings.where, { ...settings.values, in_dim: width }))
  return {
    backbone: config,
    head,
    loss: {
      ...dinoObjective,
      studentTemp: settings.number('student_temp'),
      centerMomentum: settings.number('center_momentum'),
    },
    teacher: 'momentum',
    optim: {
      name: settings.string('optimizer', 'adamw') as Setup['optim']['name'],
      clipGrad: settings.number('clip_grad', 0),
      normLastLayer: settings.boolean('norm_last_layer'),
    },
  }
}

function schedules(settings: Settings) {
  const epochs = settings.number('epochs')
  const iterationsPerEpoch = settings.number('iterations_per_epoch')
  const cosine = (name: string) => {
    const [base, final, warmupEpochs = 0] = settings.numbers(name) as [number, number, number?]
    return cosineSchedule({ base, final, epochs, iterationsPerEpoch, warmupEpochs })
  }
  const temperature = settings.inner('teacher_temp')
  return {
    lr: cosine('lr'),
    weightDecay: cosine('weight_decay'),
    momentum: cosine('momentum'),
    teacherTemp: teacherTempSchedule({
      warmupTemp: temperature.number('warmup'),
      temp: temperature.number('final'),
      warmupEpochs: temperature.number('warmup_epochs'),
      epochs,
    }),
  }
}

/** [V, B, C, h, w] -> [V * B, h, w, C] */
function viewMajor(crops: HostTensor): HostTensor {
  const { shape, ...rest } = toNHWC(crops)
  const [V, B, ...image] = shape as [number, number, ...number[]]
  return { ...rest, shape: [V * B, ...image] }
}

function prefixed(prefix: string, tensors: Tensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, value]) => [prefix + name, value]))
}

function floats(tensor: HostTensor): Float32Array {
  return Float32Array.from(numbers(tensor))
}
