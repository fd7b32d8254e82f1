import { Failure } from '../report/io.js'
import { kebab, printed } from './fields.js'
import type { TrainConfig, TrainOptions } from './schema.js'

type Key = keyof TrainConfig

/** Settings that do nothing, as long as another one is what it is. */
interface Rule {
  idle: readonly Key[]
  of: Key
  when(config: TrainConfig): boolean
  because: string
}

const rules: readonly Rule[] = [
  {
    idle: ['studentTemp', 'teacherTemp', 'warmupTeacherTemp', 'warmupTeacherTempEpochs', 'sharpening'],
    of: 'loss',
    when: ({ loss }) => loss !== 'cross-entropy',
    because: 'it compares vectors, and only distributions have these temperatures',
  },
  {
    idle: ['teacherTemp', 'warmupTeacherTemp', 'warmupTeacherTempEpochs'],
    of: 'sharpening',
    when: ({ sharpening }) => !sharpening,
    because: 'the temperature of the teacher is then --student-temp',
  },
  {
    idle: ['warmupTeacherTemp'],
    of: 'warmupTeacherTempEpochs',
    when: (c) => c.warmupTeacherTempEpochs === 0 && c.warmupTeacherTemp !== c.teacherTemp,
    because: 'without a warm-up the teacher begins at --teacher-temp',
  },
  {
    idle: ['warmupTeacherTempEpochs'],
    of: 'teacherTemp',
    when: (c) => c.warmupTeacherTempEpochs > 0 && c.warmupTeacherTemp === c.teacherTemp,
    because: 'the warm-up begins where it ends (--warmup-teacher-temp)',
  },
  {
    idle: ['centerMomentum'],
    of: 'centering',
    when: ({ centering }) => centering !== 'center',
    because: 'there is no center',
  },
  {
    idle: ['infonceTemp', 'queueSize'],
    of: 'loss',
    when: ({ loss }) => loss !== 'infonce',
    because: 'it knows no keys',
  },
  {
    idle: ['predictorHiddenDim', 'predictorBn'],
    of: 'predictor',
    when: ({ predictor }) => !predictor,
    because: 'there is none',
  },
  {
    idle: ['momentumTeacher', 'momentumTeacherEnd'],
    of: 'teacher',
    when: ({ teacher }) => teacher !== 'momentum',
    because: 'it is no average',
  },
  {
    idle: ['normLastLayer'],
    of: 'lastLayer',
    when: ({ lastLayer }) => lastLayer !== 'weight-norm',
    because: 'only the prototypes of weight-norm have a length that is kept or not',
  },
  {
    idle: ['outDim', 'freezeLastLayer'],
    of: 'lastLayer',
    when: ({ lastLayer }) => lastLayer === 'none',
    because: 'there are no prototypes',
  },
  {
    idle: ['headHiddenDim'],
    of: 'headLayers',
    when: (config) => hiddenLayers(config) === 0,
    because: 'the head has no hidden layer',
  },
  {
    idle: ['headActivation'],
    of: 'headLayers',
    when: (config) => hiddenLayers(config) === 0 && !config.predictor,
    because: 'the head has no hidden layer',
  },
  {
    idle: ['headBottleneckDim'],
    of: 'headBottleneck',
    when: ({ headBottleneck }) => !headBottleneck,
    because: 'there is none',
  },
  {
    idle: ['localCropsSize', 'localCropsScale'],
    of: 'localCropsNumber',
    when: ({ localCropsNumber }) => localCropsNumber === 0,
    because: 'there are none',
  },
  {
    idle: ['brightness', 'contrast', 'saturation', 'hue'],
    of: 'jitterP',
    when: ({ jitterP }) => jitterP === 0,
    because: 'there is no jitter',
  },
  { idle: ['blurSigma'], of: 'blurP', when: ({ blurP }) => blurP.every((p) => p === 0), because: 'there is no blur' },
  {
    idle: ['knnK', 'knnTemperature'],
    of: 'knnFreq',
    when: ({ knnFreq }) => knnFreq === 0,
    because: 'there is no evaluation',
  },
  { idle: ['initParts'], of: 'init', when: ({ init }) => init === undefined, because: 'all begins fresh' },
]

/** Layers of the head that have batch norm and an activation: all, but for a bottleneck. */
export function hiddenLayers({ headBottleneck, headLayers }: TrainConfig): number {
  return headBottleneck ? headLayers - 1 : headLayers
}

/** The settings that do nothing in a run, whatever they are, each with the setting that makes it so. */
export function idleSettings(config: TrainConfig): Map<Key, { of: Key; reason: string }> {
  const found = new Map<Key, { of: Key; reason: string }>()
  for (const { idle, of, when, because } of rules) {
    if (!when(config)) continue
    const cause = config[of] === undefined ? `without --${kebab(of)}` : `with --${kebab(of)} ${printed(config[of])}`
    for (const key of idle) if (!found.has(key)) found.set(key, { of, reason: `${cause}: ${because}` })
  }
  return found
}

/**
 * Refuses what a person asks for and would not get. What a default or a recipe says in vain does no harm, and neither does a file that a
 * flag overrules (`--config base.json --loss mse`), or one that states most settings, such as the config.json of another run.
 *
 * @throws Failure naming the first such setting
 */
export function refuseIdle(config: TrainConfig, flags: TrainOptions, file: TrainOptions = {}): void {
  const record = Object.keys(file).length > Object.keys(config).length / 2
  for (const [key, { of, reason }] of idleSettings(config)) {
    const value = flags[key] ?? (record || flags[of] !== undefined ? undefined : file[key])
    if (value === undefined) continue
    throw new Failure(`--${kebab(key)} ${printed(value)} does nothing ${reason}. Leave it out.`, 2)
  }
}
