import { readWeights, type WeightsFile } from '@dino/weights/node'
import type { TrainConfig } from '../config/schema.js'
import { backboneIn, fileOf, headsOf, refuseWeights } from '../inspect/backbone.js'
import { weightsDigest } from '../inspect/digest.js'
import { Failure } from '../report/io.js'
import { isVit } from './backbone.js'
import type { Progress } from './checkpoint.js'
import type { HostTensor } from './host-tensor.js'
import { fitted, type InitReport } from './init-fit.js'
import { initStudent, prefixed, withoutPrefix } from './model.js'
import { officialMoments } from './official-optimizer.js'
import { setupOf } from './setup.js'
import { initialState } from './step.js'

/** What a run began with, as its checkpoints tell. */
export interface InitOrigin {
  file: string
  parts: 'all' | 'backbone'
  /** Of the tensors that it took from the file. */
  digest: string
  /** k-NN of the teacher before the first step, percent; absent without labels. */
  knn?: number
}

export interface Init {
  origin: InitOrigin
  /** All variables of the run before its first step. */
  state: Record<string, HostTensor>
  report: InitReport
}

/**
 * The state that a new run begins with, from the weights that `--init` names: a checkpoint of `dino train` or of the reference as a whole
 * (both networks with their heads, center, moments), or the backbone of whatever file, as both networks', with a fresh head.
 *
 * @throws Failure if the file does not fit the run, with the settings that would
 */
export async function loadInit(config: TrainConfig): Promise<Init> {
  const file = fileOf(config.init!)
  const contents = await readWeights(file).catch(refuseWeights)
  const full = stateIn(contents)
  const parts = config.initParts ?? (full ? 'all' : 'backbone')
  if (parts === 'all' && !full) {
    throw new Failure(
      `--init-parts all: ${file} holds no training checkpoint (student and teacher, each with its head). Use --init-parts backbone.`,
      2,
    )
  }
  const setup = setupOf(config)
  const source = backboneIn(file, contents)
  const known = contents.metadata.progress !== undefined || headsOf(file, contents.metadata) !== undefined
  const { tensors } = source
  const given =
    parts === 'all'
      ? full!
      : {
          tensors: { ...prefixed('student.backbone.', tensors), ...prefixed('teacher.backbone.', tensors) },
          notes: restOf(Object.keys(contents.tensors).length - Object.keys(tensors).length),
        }
  const { state, report } = fitted({
    file,
    config,
    given: given.tensors,
    state: initialState(setup, initStudent(setup, config.seed), config.seed),
    parts,
    source: source.config,
    ...(known && isVit(source.config) && { heads: source.config.numHeads }),
  })
  const digest = weightsDigest(given.tensors)
  return { origin: { file, parts, digest }, state, report: { ...report, notes: [...given.notes, ...report.notes] } }
}

function restOf(count: number): string[] {
  return count > 0 ? [`the rest of the file, ${count} tensors, is left out`] : []
}

interface FullState {
  /** Under the names of a run's variables. */
  tensors: Record<string, HostTensor>
  /** What is to be said of it. */
  notes: string[]
}

/** A whole training state, if the file holds one. */
function stateIn({ tensors, metadata, value }: WeightsFile): FullState | undefined {
  if (metadata.progress) {
    const { iteration } = JSON.parse(metadata.progress) as Progress
    return { tensors, notes: [`as its run left it after step ${iteration}`] }
  }
  const network = (key: string) => {
    // Networks in several processes have another prefix.
    const plain = Object.entries(withoutPrefix(`${key}.`, tensors)).map(
      ([name, tensor]) => [name.replace(/^module\./, ''), tensor] as const,
    )
    return Object.fromEntries(plain.filter(([name]) => !name.endsWith('.num_batches_tracked')))
  }
  const [student, teacher] = [network('student'), network('teacher')]
  if (![student, teacher].every((each) => each['head.last_layer.weight_v'])) return undefined
  const parameters = Object.entries(student).filter(([name]) => !/\.running_(mean|var)$/.test(name))
  const optimizer = value instanceof Map ? value.get('optimizer') : undefined
  const moments = officialMoments(optimizer, Object.fromEntries(parameters))
  const center = tensors['dino_loss.center']
  return {
    tensors: {
      ...prefixed('student.', student),
      ...prefixed('teacher.', teacher),
      ...(center && { center }),
      ...(typeof moments !== 'string' && prefixed('optimizer.', moments)),
    },
    notes: typeof moments === 'string' ? [`the optimizer begins anew: ${moments}`] : [],
  }
}
