import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as resnet from '@dino/resnet'
import { initStudent, resolveConfig, runApp, setupOf, type TrainOptions } from '@dino/trainer'
import * as vit from '@dino/vit'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import type { CommandContext } from '@stricli/core'
import * as tf from '@tensorflow/tfjs-core'
import { checkPeer } from '../check-peer.js'
import { child } from '../child.js'
import { Failure } from '../failure.js'
import type { Tensors } from '../parity/check.js'
import { type Engine, evaluate, findEngine } from '../parity/engine.js'

export interface ExportFlags {
  peerPython: string
  checkpoint?: string
  json: boolean
}

/** What Python says of one file that `dino export` wrote. */
interface Finding {
  format: string
  /** Which output was compared, with how many images. */
  output: string
  difference: number
}

interface Model {
  name: string
  /** Weights to export, or settings whose fresh ones are. */
  source: string | TrainOptions
  imageSize?: number
}

const script = fileURLToPath(new URL('../peers/check_exports.py', import.meta.url)) // this file is in dist/ once built

const models: Model[] = [
  { name: 'ViT-S/16, 224', source: { arch: 'vit_small', patchSize: 16 } },
  { name: 'ViT-S/16, at 160', source: { arch: 'vit_small', patchSize: 16 }, imageSize: 160 },
  { name: 'ViT-Ti/8, 96', source: { arch: 'vit_tiny', patchSize: 8, globalCropsSize: 96, localCropsSize: 48 } },
  { name: 'ResNet-50, 224', source: { arch: 'resnet50' } },
]

const TOLERANCE = 1e-4
const BATCH = 3

/** Exports models in every format, and holds what Python's tools compute with them to what we compute. */
export async function runExportCheck(this: CommandContext, flags: ExportFlags): Promise<void> {
  checkPeer(flags.peerPython)
  const { stdout, stderr } = this.process
  const engine = await findEngine('tensorflow')
  const given = flags.checkpoint === undefined ? models : [{ name: flags.checkpoint, source: flags.checkpoint }]
  const rows: (Finding & { model: string })[] = []
  for (const model of given) {
    stderr.write(`${model.name} …\n`)
    for (const finding of await check(model, engine, flags.peerPython)) rows.push({ model: model.name, ...finding })
  }
  if (flags.json) stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
  else
    stdout.write(`${[['model', 'format', 'output', 'largest difference'], ...rows.map(cells)].map(line).join('\n')}\n`)
  const failed = rows.filter(({ difference }) => !(difference <= TOLERANCE))
  if (failed.length > 0)
    throw new Failure(`${failed.length} of ${rows.length} outputs differ by more than ${TOLERANCE}.`, 1)
}

const cells = (row: Finding & { model: string }) => [row.model, row.format, row.output, row.difference.toExponential(1)]
const line = (columns: string[]) => columns.map((text, i) => text.padEnd([18, 14, 22, 0][i]!)).join('  ')

async function check({ source, imageSize }: Model, engine: Engine, python: string): Promise<Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dino-export-'))
  try {
    const at = (name: string) => join(folder, name)
    const weights = typeof source === 'string' ? source : at('weights')
    if (typeof source !== 'string') await writeFresh(source, weights)
    const { config } = await dinoExport(weights, 'safetensors', at('plain.safetensors'))
    const isVit = 'patchSize' in config
    const size = imageSize ? ['--image-size', String(imageSize)] : []
    const outputs = isVit ? ['--outputs', 'cls,patches,attention'] : []
    const { inputs } = await dinoExport(weights, 'onnx', at('model.onnx'), ...size, ...outputs)
    await dinoExport(weights, 'timm', at('timm'))
    if (isVit) await dinoExport(weights, 'huggingface', at('huggingface'))
    const side = inputs.images[2] as number
    const { tensors } = await readSafetensors(at('plain.safetensors'))
    await writeSafetensors(at('case.safetensors'), await computed(config, tensors, side, engine))
    return await child<{ findings: Finding[] }>(python, [script, folder]).then(({ findings }) => findings)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Fresh weights, with biases and norms that are not all zeros and ones. */
async function writeFresh(settings: TrainOptions, file: string): Promise<void> {
  const setup = setupOf(resolveConfig({ ...settings, data: 'none', outDim: 8 }))
  const tensors: Tensors = {}
  for (const [name, tensor] of Object.entries(initStudent(setup, 0))) {
    if (!name.startsWith('backbone.')) continue
    const data = (tensor.data as Float32Array).slice()
    if (tensor.shape.length === 1) for (let i = 0; i < data.length; i++) data[i]! += 0.1 * Math.sin(i)
    tensors[name.slice('backbone.'.length)] = { ...tensor, data }
  }
  await writeSafetensors(file, tensors)
}

interface Exported {
  config: vit.VitConfig | resnet.ResnetConfig
  inputs: { images: (number | string)[] }
}

/** `dino export`, as a person calls it. */
async function dinoExport(checkpoint: string, format: string, output: string, ...flags: string[]): Promise<Exported> {
  let stdout = ''
  let stderr = ''
  const code = await runApp(['export', checkpoint, '--format', format, '--output', output, '--json', ...flags], {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    env: process.env,
    signal: new AbortController().signal,
    isTTY: false,
  })
  if (code !== 0) throw new Failure(stderr.trim(), 1)
  return JSON.parse(stdout) as Exported
}

/** Images, and what we compute of them: `cls`, `patches` and `attention`, or `features`. */
async function computed(config: Exported['config'], tensors: Tensors, side: number, engine: Engine): Promise<Tensors> {
  const channels = config.channels ?? 3
  const data = Float32Array.from({ length: BATCH * side * side * channels }, (_, i) => 2 * Math.sin(i * 0.7 + (i % 97)))
  const images = { dtype: 'float32' as const, shape: [BATCH, side, side, channels], data }
  const outputs = await evaluate(
    engine,
    'export',
    { ...tensors, images },
    ({ images, ...params }): Record<string, tf.Tensor> => {
      const x = images as tf.Tensor4D
      const nchw = tf.transpose(x, [0, 3, 1, 2])
      if (!('patchSize' in config)) return { nchw, features: resnet.apply(config, params, x) }
      const [last] = vit.intermediateLayers(config, params, x, 1)
      const [, N, D] = last!.shape
      return {
        nchw,
        cls: vit.apply(config, params, x),
        patches: tf.slice3d(last!, [0, 1, 0], [BATCH, N - 1, D]),
        attention: vit.lastAttention(config, params, x),
      }
    },
  )
  const { nchw, ...expected } = outputs
  return { images: nchw!, ...expected }
}
