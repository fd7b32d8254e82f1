import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as resnet from '@dino/resnet'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import * as ort from 'onnxruntime-web'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dino, writeTinyVit } from '../evaluate/tiny-vit.fixture.js'
import { loadAnyBackbone } from '../inspect/backbone.js'

let folder: string
let vitFile: string
let resnetFile: string
/** Not ImageNet's. */
const normalization = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.15] }
const metadata = { image_mean: '[0.5,0.4,0.3]', image_std: '[0.25,0.2,0.15]' }
const at = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-export-'))
  vitFile = at('vit.safetensors')
  resnetFile = at('resnet.safetensors')
  await writeTinyVit(vitFile)
  const { tensors: weights } = await readSafetensors(vitFile)
  await writeSafetensors(vitFile, weights, { num_heads: '2', ...metadata }) // heads that the width does not suggest
  const params = resnet.init({ block: 'basic', layers: [1, 1, 1, 1], planes: [8, 8, 8, 8] }, 0)
  const tensors = Object.entries(params).map(([name, tensor]) => {
    return [name, { dtype: 'float32' as const, shape: tensor.shape, data: tensor.dataSync<'float32'>() }]
  })
  await writeSafetensors(resnetFile, Object.fromEntries(tensors), { image_size: '40', ...metadata })
})

afterAll(() => rmSync(folder, { recursive: true }))

/** From each of them to each other and back, so that every writer meets every reader. */
const formats = ['safetensors', 'huggingface', 'timm'] as const

describe.each([
  ['a vision transformer', () => vitFile, formats],
  ['a ResNet', () => resnetFile, ['safetensors', 'timm'] as const],
] as const)('%s', (kind, source, known) => {
  test.each(known.flatMap((first) => known.map((second) => [first, second] as const)))(
    'written as %s and from there as %s is the same, bit for bit',
    async (first, second) => {
      const [once, twice] = ['once', 'twice'].map((time) => at(`${kind}-${first}-${second}-${time}`)) as [
        string,
        string,
      ]
      expect((await dino('export', source(), '--format', first, '--output', once)).stderr).toBe('')
      expect((await dino('export', once, '--format', second, '--output', twice)).stderr).toBe('')
      const [expected, found] = await Promise.all([loadAnyBackbone(source()), loadAnyBackbone(twice)])
      expect(found.tensors).toEqual(expected.tensors)
      expect(found.config).toEqual(expected.config)
      expect(found.normalization).toEqual(normalization)
    },
  )
})

test('an ONNX file runs, and says what images it takes and what it gives', async () => {
  const { code, stdout, stderr } = await dino(
    ...['export', vitFile, '--format', 'onnx', '--outputs', 'cls,patches,attention', '--image-size', '48'],
    ...['--output', at('vit.onnx')],
  )
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain(
    'Input: images [batch, 3, 48, 48], float32: (RGB / 255 - [0.5, 0.4, 0.3]) / [0.25, 0.2, 0.15]',
  )
  expect(stdout).toContain('Output: cls [batch, 32]; patches [batch, 36, 32]; attention [batch, 2, 37, 37]')
  ort.env.wasm.numThreads = 1
  const session = await ort.InferenceSession.create(readFileSync(at('vit.onnx')))
  const results = await session.run({
    images: new ort.Tensor('float32', new Float32Array(2 * 3 * 48 * 48), [2, 3, 48, 48]),
  })
  expect(results.attention!.dims).toEqual([2, 2, 37, 37])
})

test('a graph model is a folder of what model.json names', async () => {
  const { code, stdout } = await dino('export', resnetFile, '--format', 'tfjs', '--output', at('web'), '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    inputs: { images: ['batch', 40, 40, 3] },
    outputs: { features: ['batch', 8] },
  })
  const { weightsManifest, userDefinedMetadata } = JSON.parse(readFileSync(join(at('web'), 'model.json'), 'utf8'))
  expect(readdirSync(at('web')).sort()).toEqual([...weightsManifest[0].paths, 'model.json'].sort())
  expect(userDefinedMetadata).toMatchObject({ image_size: '40', ...metadata })
  mkdirSync(at('plain'))
  expect(statSync(at('web')).mode).toBe(statSync(at('plain')).mode) // a web server reads it as any other
})

test.each([
  ['outputs of weights', () => [vitFile, '--outputs', 'cls'], '--outputs is for --format onnx and tfjs'],
  ['a size of weights', () => [vitFile, '--image-size', '64'], '--image-size is for --format onnx and tfjs'],
  [
    'an unknown output',
    () => [vitFile, '--format', 'onnx', '--outputs', 'heads'],
    'expected one of cls, patches, attention',
  ],
  [
    'attention of a ResNet',
    () => [resnetFile, '--format', 'onnx', '--outputs', 'attention'],
    'holds a ResNet, whose only',
  ],
  ['images below a patch', () => [vitFile, '--format', 'tfjs', '--image-size', '7'], 'expected at least one patch, 8'],
  ['a ResNet as ViTModel', () => [resnetFile, '--format', 'huggingface'], 'holds a ResNet'],
])('%s are refused with code 2, and nothing is written', async (_, args, message) => {
  const { code, stderr } = await dino('export', ...args(), '--output', at('refused'))
  expect(stderr).toContain(message)
  expect(code).toBe(2)
  expect(existsSync(at('refused'))).toBe(false)
})

test('nothing is overwritten, in whatever format', async () => {
  for (const format of ['safetensors', 'onnx', 'timm', 'tfjs', 'huggingface']) {
    const output = format === 'safetensors' || format === 'onnx' ? vitFile : folder
    const { code, stderr } = await dino('export', vitFile, '--format', format, '--output', output)
    expect(stderr, format).toMatch(/--output: .* nothing was written/)
    expect(code).toBe(2)
  }
})

test('weights inspect lists what was exported, and says of a program that it is none of its formats', async () => {
  for (const [format, naming] of [
    ['huggingface', 'huggingface'],
    ['timm', 'official'],
  ] as const) {
    await dino('export', vitFile, '--format', format, '--output', at(`inspect-${format}`))
    const { code, stdout } = await dino('weights', 'inspect', at(`inspect-${format}`))
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^Backbone \\*: 30 tensors, ${naming} names$`, 'm'))
  }
  await dino('export', vitFile, '--format', 'onnx', '--output', at('inspect.onnx'))
  const { code, stderr } = await dino('weights', 'inspect', at('inspect.onnx'))
  expect(stderr).toContain('is it a .pth, a .npz, an .onnx or a web page?')
  expect(code).toBe(1)
})

test('a file that tells no normalisation in its metadata, but something else, is refused', async () => {
  const { tensors } = await readSafetensors(vitFile)
  for (const image_mean of ['bright', '[1,2]', '["1",2,3]']) {
    await writeSafetensors(at('odd'), tensors, { ...metadata, image_mean })
    const { code, stderr } = await dino('export', at('odd'), '--output', at('from-odd'))
    expect(stderr).toContain(
      `expected image_mean and image_std of its metadata as three numbers, got ${image_mean} and`,
    )
    expect(code).toBe(1)
  }
})
