import type { HostTensor } from './dtype.js'

/** How a file names the parts of a network. */
export type NamingScheme = 'official' | 'huggingface' | 'torchvision'

/** A backbone found in a file, under the official names (`blocks.0.attn.qkv.weight`; of a ResNet, torchvision's). */
export interface FoundBackbone {
  tensors: Record<string, HostTensor>
  /** How the file named them. `official` is timm's naming as well. */
  naming: NamingScheme
  /** What stood before each name: `teacher.backbone.` */
  prefix: string
  /** Tensors under that prefix that belong to no backbone, as a classifier of timm or a pooler of Hugging Face. */
  unused: string[]
}

/** The name by which each scheme is known. */
const MARKS: [NamingScheme, string][] = [
  ['official', 'cls_token'],
  ['huggingface', 'embeddings.cls_token'],
  ['torchvision', 'layer1.0.conv1.weight'],
]

/**
 * The backbones that a file holds, by what stands before their names: one for weights alone, two for a training checkpoint of DINO.
 *
 * Recognises the official names, which timm and `dino train` use as well, Hugging Face's `ViTModel`, and torchvision's ResNet, under any prefix:
 * `teacher.backbone.`, `student.module.backbone.`, `state_dict.`, `vit.`
 *
 * @param tensors of `parsePyTorch` or `parseSafetensors`
 */
export function findBackbones(tensors: Record<string, HostTensor>): FoundBackbone[] {
  const names = Object.keys(tensors)
  const found: FoundBackbone[] = []
  const prefixes = new Set<string>()
  for (const [naming, mark] of [...MARKS].reverse()) {
    for (const name of names) {
      if (name !== mark && !name.endsWith(`.${mark}`)) continue
      const prefix = name.slice(0, name.length - mark.length)
      if (naming === 'official' && prefix.endsWith('embeddings.')) continue // Hugging Face's
      if (/^optimizer\.|(^|\.)(exp_avg(_sq)?|momentum_buffer)\./.test(prefix) || prefixes.has(prefix)) continue // an optimizer's
      prefixes.add(prefix)
      const own = names.filter((other) => other.startsWith(prefix))
      const plain = Object.fromEntries(own.map((other) => [other.slice(prefix.length), tensors[other]!]))
      found.push({ naming, prefix, ...(naming === 'huggingface' ? fromHuggingFace(plain) : split(plain, naming)) })
    }
  }
  return found
}

const VIT = /^(cls_token|pos_embed|patch_embed\.proj\.(weight|bias)|norm\.(weight|bias)|blocks\.\d+\..+)$/
const RESNET = /^(conv1\.weight|bn1\..+|layer[1-4]\.\d+\..+)$/

function split(tensors: Record<string, HostTensor>, naming: NamingScheme) {
  const belongs = naming === 'torchvision' ? RESNET : VIT
  const entries = Object.entries(tensors)
  return {
    tensors: Object.fromEntries(entries.filter(([name]) => belongs.test(name))),
    unused: entries.filter(([name]) => !belongs.test(name)).map(([name]) => name),
  }
}

/** Official names and Hugging Face's of the same tensor; # is a block, * weight or bias. */
const PAIRS: [official: string, huggingFace: string][] = [
  ['cls_token', 'embeddings.cls_token'],
  ['pos_embed', 'embeddings.position_embeddings'],
  ['patch_embed.proj.*', 'embeddings.patch_embeddings.projection.*'],
  ['norm.*', 'layernorm.*'],
  ['blocks.#.norm1.*', 'encoder.layer.#.layernorm_before.*'],
  ['blocks.#.norm2.*', 'encoder.layer.#.layernorm_after.*'],
  ['blocks.#.attn.proj.*', 'encoder.layer.#.attention.output.dense.*'],
  ['blocks.#.mlp.fc1.*', 'encoder.layer.#.intermediate.dense.*'],
  ['blocks.#.mlp.fc2.*', 'encoder.layer.#.output.dense.*'],
]

/** The name by the other scheme; undefined where the first one has no such name. */
function translate(name: string, from: 0 | 1): string | undefined {
  const plain = name.replace(/\.\d+\./, '.#.').replace(/\.(weight|bias)$/, '.*')
  const pair = PAIRS.find((each) => each[from] === plain)
  const block = /\.(\d+)\./.exec(name)?.[1] ?? ''
  return pair?.[from === 0 ? 1 : 0].replace('#', block).replace('*', name.slice(name.lastIndexOf('.') + 1))
}

const QKV = /^blocks\.(\d+)\.attn\.qkv\.(weight|bias)$/
const PARTS = ['query', 'key', 'value'] as const
const part = (block: string, which: string, kind: string) =>
  `encoder.layer.${block}.attention.attention.${which}.${kind}`

/**
 * A vision transformer under the names of Hugging Face's `ViTModel`. Query, key and value, one tensor officially, become three views.
 *
 * @param tensors official names
 * @throws RangeError for a name that a vision transformer does not have
 */
export function toHuggingFace(tensors: Record<string, HostTensor>): Record<string, HostTensor> {
  const out: [string, HostTensor][] = []
  for (const [name, tensor] of Object.entries(tensors)) {
    const qkv = QKV.exec(name)
    if (qkv) for (const [i, which] of PARTS.entries()) out.push([part(qkv[1]!, which, qkv[2]!), third(tensor, i)])
    else {
      const theirs = translate(name, 0)
      if (!theirs) throw new RangeError(`toHuggingFace: ViTModel has no counterpart of ${name}.`)
      out.push([theirs, tensor])
    }
  }
  return Object.fromEntries(out)
}

function fromHuggingFace(tensors: Record<string, HostTensor>) {
  const out: [string, HostTensor][] = []
  const used = new Set<string>()
  const take = (name: string) => {
    used.add(name)
    return tensors[name]!
  }
  for (const name of Object.keys(tensors)) {
    const query = /^encoder\.layer\.(\d+)\.attention\.attention\.query\.(weight|bias)$/.exec(name)
    if (query) {
      const [, block, kind] = query as unknown as [string, string, string]
      const parts = PARTS.map((which) => part(block, which, kind))
      if (parts.every((each) => tensors[each]?.dtype === tensors[name]!.dtype))
        out.push([`blocks.${block}.attn.qkv.${kind}`, joined(parts.map(take))])
      continue
    }
    const official = translate(name, 1)
    if (official) out.push([official, take(name)])
  }
  return { tensors: Object.fromEntries(out), unused: Object.keys(tensors).filter((name) => !used.has(name)) }
}

type Values = ArrayBufferView & {
  length: number
  subarray(from: number, to: number): Values
  set(v: Values, at: number): void
}

function third({ dtype, shape, data }: HostTensor, i: number): HostTensor {
  const values = data as Values
  const length = values.length / 3
  return { dtype, shape: [shape[0]! / 3, ...shape.slice(1)], data: values.subarray(i * length, (i + 1) * length) }
}

function joined(parts: HostTensor[]): HostTensor {
  const [first] = parts as [HostTensor]
  const values = parts.map(({ data }) => data as Values)
  const length = values.reduce((sum, { length }) => sum + length, 0)
  const all = new (first.data.constructor as new (length: number) => Values)(length)
  let at = 0
  for (const each of values) {
    all.set(each, at)
    at += each.length
  }
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0)
  return { dtype: first.dtype, shape: [rows, ...first.shape.slice(1)], data: all }
}
