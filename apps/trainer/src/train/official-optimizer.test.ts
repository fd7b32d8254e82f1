import type { PickleValue } from '@dino/weights'
import { expect, test } from 'vitest'
import type { HostTensor } from './host-tensor.js'
import { officialMoments } from './official-optimizer.js'

const tensor = (shape: number[], value = 0): HostTensor => {
  return { dtype: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) }
}
const map = (entries: Record<string, PickleValue>) => new Map<PickleValue, PickleValue>(Object.entries(entries))

const student = {
  'backbone.cls_token': tensor([1, 1, 2]),
  'backbone.norm.weight': tensor([2]),
  'head.mlp.weight': tensor([3, 2]),
  'head.mlp.bias': tensor([3]),
  'head.last_layer.weight_g': tensor([4, 1]),
  'head.last_layer.weight_v': tensor([4, 3]),
}

/** An optimizer of these groups, whose parameter number i was last seen with i as its moment. */
function optimizer(
  groups: number[][],
  slots: (number: number, shape: number[]) => Record<string, PickleValue>,
  shapes: number[][],
) {
  const state = new Map<PickleValue, PickleValue>(groups.flat().map((i) => [i, map(slots(i, shapes[i]!))]))
  return map({ state, param_groups: groups.map((params) => map({ params })) })
}

test('numbers count what decays first; lengths of prototypes are in no group unless they are trained', () => {
  const shapes = [[1, 1, 2], [3, 2], [4, 3], [2], [3]]
  const fixed = optimizer(
    [
      [0, 1, 2],
      [3, 4],
    ],
    (i, shape) => ({ step: 7, exp_avg: tensor(shape, i), exp_avg_sq: tensor(shape, i) }),
    shapes,
  )
  const moments = officialMoments(fixed, student) as Record<string, HostTensor>
  const numbers = Object.entries(moments).filter(([name]) => name.startsWith('exp_avg.'))
  expect(numbers.map(([name, { data }]) => [name.slice('exp_avg.'.length), (data as Float32Array)[0]])).toEqual([
    ['backbone.cls_token', 0],
    ['head.mlp.weight', 1],
    ['head.last_layer.weight_v', 2],
    ['backbone.norm.weight', 3],
    ['head.mlp.bias', 4],
  ])
  // A plain number until PyTorch 1.12, a tensor since.
  expect(moments['step.head.mlp.bias']).toEqual(tensor([], 7))

  const trained = [[1, 1, 2], [3, 2], [4, 1], [4, 3], [2], [3]]
  const all = optimizer(
    [
      [0, 1, 2, 3],
      [4, 5],
    ],
    (i, shape) => ({ momentum_buffer: tensor(shape, i) }),
    trained,
  )
  const buffers = officialMoments(all, student) as Record<string, HostTensor>
  expect((buffers['momentum_buffer.head.last_layer.weight_g']!.data as Float32Array)[0]).toBe(2)
})

test('what LARS calls mu is its momentum buffer; a parameter that was never updated has no moments', () => {
  const shapes = [[1, 1, 2], [3, 2], [4, 3], [2], [3]]
  const lars = optimizer(
    [
      [0, 1, 2],
      [3, 4],
    ],
    (i, shape): Record<string, HostTensor> => (i === 2 ? {} : { mu: tensor(shape, i) }),
    shapes,
  )
  const moments = officialMoments(lars, student) as Record<string, HostTensor>
  expect(Object.keys(moments)).toHaveLength(4)
  expect(moments['momentum_buffer.head.last_layer.weight_v']).toBeUndefined()
})

test('an optimizer of something else gives none, and says why', () => {
  expect(officialMoments(undefined, student)).toBe('the file has none')
  expect(officialMoments(map({ state: new Map() }), student)).toBe('the file has none')
  const one = optimizer([[0, 1, 2, 3, 4]], () => ({}), [])
  expect(officialMoments(one, student)).toBe('its groups of parameters are none of the reference')
  const shapes = [[1, 1, 2], [3, 2], [4, 3], [3], [2]] // two vectors in another order
  const turned = optimizer(
    [
      [0, 1, 2],
      [3, 4],
    ],
    (_, shape) => ({ exp_avg: tensor(shape) }),
    shapes,
  )
  expect(officialMoments(turned, student)).toBe('the exp_avg of backbone.norm.weight has shape [3]')
})
