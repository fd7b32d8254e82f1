import { performance } from 'node:perf_hooks'
import { compile, type Feed, openSession, type Session } from '@dino/graph'
import * as resnet from '@dino/resnet'
import { engineName } from '@dino/trainer'
import * as vit from '@dino/vit'
import type * as tf from '@tensorflow/tfjs-core'
import { median } from '../median.js'
import { order } from './claims.js'
import { benchCommand } from './command.js'
import { shown } from './experiment.js'
import { machine } from './machine.js'
import { type Report, toJson } from './report.js'
import { toMarkdown } from './report-markdown.js'
import { type Streams, writeReport } from './verb.js'

/** A network of the paper's table 1. */
interface Network {
  name: string
  config: vit.VitConfig | resnet.ResnetConfig
  /** Parameters in millions and images a second on a V100, 128 images a pass. */
  paper: { parameters: number; throughput: number }
}

export const networks: readonly Network[] = [
  { name: 'ResNet-50', config: resnet.config('resnet50', {}), paper: { parameters: 23, throughput: 1237 } },
  { name: 'ViT-S/16', config: vit.config('vit_small', { patchSize: 16 }), paper: { parameters: 21, throughput: 1007 } },
  { name: 'ViT-S/8', config: vit.config('vit_small', { patchSize: 8 }), paper: { parameters: 21, throughput: 180 } },
  { name: 'ViT-B/16', config: vit.config('vit_base', { patchSize: 16 }), paper: { parameters: 85, throughput: 312 } },
  { name: 'ViT-B/8', config: vit.config('vit_base', { patchSize: 8 }), paper: { parameters: 85, throughput: 63 } },
]

export interface Table1Flags {
  batch: number
  passes: number
  engine: string
  /** Folder for Markdown, HTML and JSON. */
  report?: string
  json: boolean
}

export interface Table1Row {
  name: string
  dim: number
  parameters: number
  tokens?: number
  /** Images a second, one a pass. */
  rates: number[]
  paper: Network['paper']
}

/** Table 1, measured: parameters, tokens, and images a second of a forward pass at 224 pixels. */
export async function runTable1(flags: Table1Flags, { stdout, stderr }: Streams): Promise<void> {
  const rows: Table1Row[] = []
  let engine = ''
  for (const [i, network] of networks.entries()) {
    stderr.write(`${network.name}: ${i + 1} of ${networks.length}\n`)
    const session = await openSession({ engine: flags.engine })
    engine = engineName(session)
    try {
      rows.push(await measure(network, session, flags))
    } finally {
      await session.close()
    }
  }
  const made = table1Report(rows, { ...flags, engine })
  if (flags.report !== undefined) await writeReport(made, flags, flags.report, { stdout, stderr })
  else stdout.write(flags.json ? toJson(made) : toMarkdown(made))
}

async function measure({ name, config, paper }: Network, session: Session, flags: Table1Flags): Promise<Table1Row> {
  const { batch, passes } = flags
  const isVit = 'patchSize' in config
  const params = isVit ? vit.init(config, 0) : resnet.init(config, 0)
  const names = Object.keys(params)
  for (const [key, tensor] of Object.entries(params)) {
    await session.create({ [key]: { dtype: 'float32', shape: tensor.shape, data: tensor.dataSync<'float32'>() } })
    tensor.dispose()
  }
  const run = await compile(
    (inputs, state) => {
      const own = Object.fromEntries(names.map((key) => [key, state[key]!]))
      const images = inputs.images as tf.Tensor4D
      return { outputs: { features: isVit ? vit.apply(config, own, images) : resnet.apply(config, own, images) } }
    },
    { session, name, inputs: { images: { shape: [batch, 224, 224, 3] } } },
  )
  const images: Feed = Float32Array.from({ length: batch * 224 * 224 * 3 }, (_, i) => Math.sin(i))
  const rates: number[] = []
  for (let i = 0; i <= passes; i++) {
    const began = performance.now()
    await run({ images })
    if (i > 0) rates.push((1000 * batch) / (performance.now() - began)) // the first one compiles
  }
  const shapes = isVit ? vit.shapes(config) : resnet.shapes(config)
  return {
    name,
    dim: isVit ? config.embedDim : resnet.width(config),
    parameters: Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0),
    ...(isVit && { tokens: vit.tokens(config, 224, 224) }),
    rates,
    paper,
  }
}

export function table1Report(rows: readonly Table1Row[], { batch, passes, engine }: Table1Flags): Report {
  const base = rows.find(({ name }) => name === 'ViT-S/16')!
  return {
    name: 'table1',
    title: 'Networks: parameters, tokens, throughput',
    source: 'Caron et al. 2021, table 1',
    seeds: 1,
    command: benchCommand('table1', { batch, passes }),
    columns: [
      ...['width', 'tokens', 'parameters, M', 'parameters, paper'],
      ...['images/s', 'to ViT-S/16', 'images/s, paper', 'to ViT-S/16, paper'],
    ],
    rows: rows.map(({ name, dim, tokens, parameters, rates, paper }) => ({
      name,
      title: name,
      cells: [
        String(dim),
        String(tokens ?? '-'),
        (parameters / 1e6).toFixed(1),
        String(paper.parameters),
        median(rates).toFixed(1),
        (median(rates) / median(base.rates)).toFixed(2),
        String(paper.throughput),
        (paper.throughput / base.paper.throughput).toFixed(2),
      ],
      settings: [],
    })),
    claims: claimsOf(rows),
    charts: [],
    machine: machine(engine),
    notes: [
      `Ours: the median of ${passes} forward passes of ${batch} images at 224 pixels on the machine named below; the paper's: 128 images on a V100.`,
    ],
  }
}

/** A ratio of throughputs is the paper's if it is off by no more than this factor: a processor is no V100. */
const FACTOR = 1.25

/** What the paper's table says of these networks beside each other (METHOD 3.1). */
function claimsOf(rows: readonly Table1Row[]): Report['claims'] {
  const of = (name: string) => rows.find((row) => row.name === name)!
  const millions = rows.map(({ parameters }) => Math.floor(parameters / 1e6))
  const size = of('ViT-S/16').parameters / of('ResNet-50').parameters
  return [
    {
      text: "Every network has the paper's parameters, in whole millions",
      verdict: rows.every(({ paper }, i) => millions[i] === paper.parameters) ? 'holds' : 'does not hold',
      because: millions.join(', '),
    },
    {
      text: 'ViT-S/16 has about as many parameters as ResNet-50, within a tenth',
      verdict: Math.abs(size - 1) <= 0.1 ? 'holds' : 'does not hold',
      because: `${size.toFixed(2)} times as many; the paper's ${(of('ViT-S/16').paper.parameters / of('ResNet-50').paper.parameters).toFixed(2)}`,
    },
    faster(of('ResNet-50'), of('ViT-S/16')),
    slower(of('ViT-S/8'), of('ViT-S/16')),
    slower(of('ViT-B/8'), of('ViT-B/16')),
    slower(of('ViT-B/16'), of('ViT-S/16')),
  ]
}

function faster(one: Table1Row, other: Table1Row): Report['claims'][number] {
  const sign = order(one.rates, other.rates)
  return {
    text: `${one.name} is faster than ${other.name}`,
    verdict: sign > 0 ? 'holds' : sign < 0 ? 'does not hold' : 'undecided',
    because: `${shown(one.rates)} against ${shown(other.rates)} images/s; the paper's ${one.paper.throughput} against ${other.paper.throughput}`,
  }
}

/** So many times as slow as in the paper, within the factor. */
function slower(one: Table1Row, other: Table1Row): Report['claims'][number] {
  const ours = median(other.rates) / median(one.rates)
  const theirs = other.paper.throughput / one.paper.throughput
  const off = Math.max(ours / theirs, theirs / ours)
  return {
    text: `${one.name} takes ${theirs.toFixed(1)} times as long as ${other.name}, within a factor of ${FACTOR}`,
    verdict: off <= FACTOR ? 'holds' : 'does not hold',
    because: `${ours.toFixed(1)} times`,
  }
}
