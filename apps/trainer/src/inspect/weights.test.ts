import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cases } from '@dino/fixtures'
import * as vit from '@dino/vit'
import { type HostTensor, toHuggingFace } from '@dino/weights'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { initStudent } from '../train/model.js'

// Files of weights from elsewhere, through the built command.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const checkpoint = cases<{ files: string[] }>('checkpoint')[0]!
let folder: string
let weights: Record<string, HostTensor>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-weights-'))
  mkdirSync(join(folder, 'photos'))
  for (let i = 0; i < 3; i++) {
    const background = { r: 80 * i, g: 120, b: 250 - 80 * i }
    const photo = sharp({ create: { width: 40, height: 40, channels: 3, background } })
    await photo.png().toFile(join(folder, 'photos', `${i}.png`))
  }
  const backbone = vit.config('vit_tiny', { imgSize: 32, patchSize: 8, embedDim: 64, depth: 2, numHeads: 1 })
  const student = initStudent({ backbone, head: { inDim: 64, outDim: 8, hiddenDim: 8, bottleneckDim: 4 } }, 0)
  weights = Object.fromEntries(
    Object.entries(student).flatMap(([name, tensor]) => {
      return name.startsWith('backbone.') ? [[name.slice('backbone.'.length), tensor]] : []
    }),
  )
  for (const file of checkpoint.files) copyFileSync(join(checkpoint.dir, file), join(folder, file))
})

afterAll(() => rmSync(folder, { recursive: true }))

function dino(...args: string[]) {
  return spawnSync(process.execPath, [cli, ...args], { cwd: folder, encoding: 'utf8' })
}

async function featuresOf(file: string, ...flags: string[]): Promise<ArrayBufferView> {
  const { status, stderr } = dino('extract', file, '--data', 'photos', '--output', `${file}.features`, ...flags)
  expect(stderr).not.toContain('Error')
  expect(status).toBe(0)
  return (await readSafetensors(join(folder, `${file}.features`))).tensors.features!.data
}

const prefixed = (prefix: string) =>
  Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [prefix + name, tensor]))

test('the same weights give the same features under official, prefixed and Hugging Face names', async () => {
  const head = { dtype: 'float32' as const, shape: [1], data: Float32Array.of(0) }
  await writeSafetensors(join(folder, 'official'), weights)
  await writeSafetensors(join(folder, 'timm'), { ...weights, 'head.bias': head })
  await writeSafetensors(join(folder, 'prefixed'), prefixed('state_dict.backbone.'))
  await writeSafetensors(join(folder, 'huggingface'), { ...toHuggingFace(weights), 'pooler.dense.bias': head })
  const expected = await featuresOf('official')
  expect(expected.byteLength).toBe(3 * 64 * 4)
  for (const file of ['timm', 'prefixed', 'huggingface']) expect(await featuresOf(file)).toEqual(expected)
})

test('an official checkpoint gives features of its teacher and of its student, the same from both formats', async () => {
  const [zip, legacy] = checkpoint.files as [string, string]
  const teacher = await featuresOf(zip)
  const student = await featuresOf(zip, '--network', 'student')
  expect(await featuresOf(legacy)).toEqual(teacher)
  expect(student).not.toEqual(teacher)
})

test('weights inspect lists what a file holds', () => {
  const [zip] = checkpoint.files as [string]
  const { status, stdout } = dino('weights', 'inspect', zip)
  expect(status).toBe(0)
  expect(stdout).toMatch(/^dino_loss\.center +float32 +\[1, \d+\]/m)
  expect(stdout).toMatch(/^args: \{.*"arch":/m)
  expect(stdout).toMatch(/^Backbone teacher\.backbone\.\*: \d+ tensors, official names$/m)
  const json = JSON.parse(dino('weights', 'inspect', zip, '--json').stdout)
  expect(json.backbones.map(({ prefix }: { prefix: string }) => prefix).sort()).toEqual([
    'student.module.backbone.',
    'teacher.backbone.',
  ])
  expect(json.tensors.length).toBeGreaterThan(10)
})

test('what is exported is read again with the same features, heads and all, and nothing is overwritten', async () => {
  const numHeads = 4 // not what the width suggests
  await writeSafetensors(join(folder, 'source'), weights, { num_heads: String(numHeads) })
  const expected = await featuresOf('source')
  expect(expected).not.toEqual(await featuresOf('official'))
  expect(dino('export', 'source', '--output', 'out/hf').status).toBe(0)
  expect(dino('export', 'source', '--format', 'safetensors', '--output', 'plain').status).toBe(0)
  for (const exported of ['out/hf', 'plain']) expect(await featuresOf(exported)).toEqual(expected)
  const config = JSON.parse(readFileSync(join(folder, 'out/hf/config.json'), 'utf8'))
  expect(config).toMatchObject({ hidden_size: 64, num_hidden_layers: 2, num_attention_heads: numHeads, image_size: 32 })
  for (const output of ['out/hf', 'plain']) {
    const format = output === 'plain' ? 'safetensors' : 'huggingface'
    const { status, stderr } = dino('export', 'official', '--format', format, '--output', output)
    expect(stderr).toMatch(/--output: .* nothing was written/)
    expect(status).toBe(2)
  }
})

test('what is no file of weights, holds no backbone or names code is refused in one line', async () => {
  await writeSafetensors(join(folder, 'nothing'), { x: { dtype: 'float32', shape: [1], data: Float32Array.of(0) } })
  writeFileSync(join(folder, 'words'), 'words, words')
  const evil = [0x80, 2, ...Buffer.from('cos\nsystem\n(X\x04\0\0\0echotR.')]
  const magic = readFileSync(join(checkpoint.dir, checkpoint.files[1]!)).subarray(0, 15)
  writeFileSync(join(folder, 'evil.pth'), Buffer.concat([magic, Buffer.from(evil)]))
  for (const [file, message] of [
    ['nothing', 'holds no backbone that is known here'],
    ['words', 'no safetensors file'],
    ['evil.pth', 'os.system, which is no data. Nothing was run.'],
  ] as const) {
    const { status, stderr } = dino('extract', file, '--data', 'photos')
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(status).toBe(1)
  }
  expect(dino('weights', 'inspect', 'missing').stderr).toContain('missing: no such file')
})
