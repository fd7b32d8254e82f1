import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { findBackbones, type HostTensor, loadReport, parsePyTorch, parseSafetensors, toHuggingFace } from './index.js'

const data = new URL('../../fixtures/data/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, data))
const { cases } = JSON.parse(read('manifest.json').toString()) as {
  cases: { kind: string; name: string; files: string[] }[]
}
const vit = cases.find(({ kind }) => kind === 'vit')!
const backbone = under('param.', parseSafetensors(read(`${vit.name}.safetensors`)).tensors)

function under(prefix: string, tensors: Record<string, HostTensor>): Record<string, HostTensor> {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]))
}

function prefixed(prefix: string, tensors: Record<string, HostTensor>): Record<string, HostTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]))
}

const scalar: HostTensor = { dtype: 'float32', shape: [1], data: Float32Array.of(1) }

describe('findBackbones', () => {
  test('finds teacher and student of an official training checkpoint, and leaves the optimizer alone', () => {
    const { files } = cases.find(({ kind }) => kind === 'checkpoint')!
    const { tensors } = parsePyTorch(read(files[0]!))
    const found = findBackbones(tensors)
    expect(found.map(({ prefix }) => prefix).sort()).toEqual(['student.module.backbone.', 'teacher.backbone.'])
    for (const { prefix, tensors: own, naming, unused } of found) {
      expect(own).toEqual(under(prefix, tensors))
      expect([naming, unused]).toEqual(['official', []])
    }
  })

  test.each(['', 'module.', 'state_dict.', 'model.backbone.'])('finds weights alone under "%s"', (prefix) => {
    expect(findBackbones(prefixed(prefix, backbone))).toEqual([
      { tensors: backbone, naming: 'official', prefix, unused: [] },
    ])
  })

  test.each(['', 'vit.'])('finds those of Hugging Face under "%s", bit for bit', (prefix) => {
    const theirs = { ...prefixed(prefix, toHuggingFace(backbone)), [`${prefix}pooler.dense.bias`]: scalar }
    expect(findBackbones(theirs)).toEqual([
      { tensors: backbone, naming: 'huggingface', prefix, unused: ['pooler.dense.bias'] },
    ])
  })

  test('says which tensors belong to no backbone, and finds none where there is none', () => {
    expect(findBackbones({ ...backbone, 'head.weight': scalar })[0]!.unused).toEqual(['head.weight'])
    const optimizer = { 'optimizer.exp_avg.cls_token': scalar, 'optimizer.step.backbone.cls_token': scalar }
    expect(findBackbones({ 'fc.weight': scalar, ...optimizer })).toEqual([])
  })

  test('finds a ResNet', () => {
    const names = ['conv1.weight', 'bn1.running_mean', 'layer1.0.conv1.weight', 'layer4.2.bn3.bias']
    const resnet = Object.fromEntries(names.map((name) => [name, scalar]))
    expect(findBackbones({ ...prefixed('teacher.backbone.', resnet), 'teacher.backbone.fc.weight': scalar })).toEqual([
      { tensors: resnet, naming: 'torchvision', prefix: 'teacher.backbone.', unused: ['fc.weight'] },
    ])
  })
})

test('toHuggingFace refuses what ViTModel does not have', () => {
  expect(() => toHuggingFace({ 'blocks.0.ls1.gamma': scalar })).toThrow('no counterpart of blocks.0.ls1.gamma')
})

test('loadReport names what fits and what does not', () => {
  const two: HostTensor = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) }
  expect(loadReport({ a: two, b: two, c: two }, { a: [2], b: [3], d: [] })).toEqual({
    matched: ['a'],
    missing: ['d'],
    mismatched: [{ name: 'b', found: [2], needed: [3] }],
    unexpected: ['c'],
  })
})
