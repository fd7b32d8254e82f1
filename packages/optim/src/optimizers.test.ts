import '@tensorflow/tfjs-backend-cpu'
import { golden, largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test, vi } from 'vitest'
import { adamw, lars, type Optimizer, type Params, sgd } from './index.js'

const optimizers: [string, Optimizer][] = [
  ['adamw', adamw],
  ['sgd', sgd],
  ['lars', lars],
]

interface GoldenAdamw {
  p0: number
  grads: number[]
  lr: number[]
  wd: number[]
  p: number[]
  [frozen: `frozen_first_step${string}`]: number[]
}

const goldenAdamw = golden<{ adamw: GoldenAdamw }>().adamw
const frozenKey = Object.keys(goldenAdamw).find((key) => key.startsWith('frozen_first_step')) as `frozen_first_step`

test.each([
  ['AdamW equals the formula', 0, goldenAdamw.p],
  [
    'AdamW without a gradient at first: no decay, no moments, and the step count begins later',
    1,
    goldenAdamw[frozenKey]!,
  ],
])('%s', (_, frozenSteps, expected) => {
  let params: Params = { w: tf.fill([1, 1], goldenAdamw.p0) }
  let state = adamw.init(params)
  const seen = goldenAdamw.grads.map((grad, i) => {
    const grads: Params = i < frozenSteps ? {} : { w: tf.fill([1, 1], grad) }
    ;({ params, state } = adamw.update(params, grads, state, {
      lr: goldenAdamw.lr[i]!,
      weightDecay: goldenAdamw.wd[i]!,
    }))
    return valuesOf(params.w!)[0]!
  })
  expect(largestDifference(seen, expected)).toBeLessThan(1e-6)
  expect(valuesOf(state['step.w']!)).toEqual([goldenAdamw.grads.length - frozenSteps])
})

// Weights and biases after steps of lr 0.1, 0.2, 0.05 at weight decay 0.1, by torch 2.15 in float64 (torch.optim.SGD and
// AdamW; LARS by the reference's formula on torch tensors).
const torch: Record<string, { weight: number[]; bias: number[] }[]> = {
  sgd: [
    { weight: [0.96, -1.97, 0.475, 2.93], bias: [0.49, -0.23] },
    { weight: [0.7488, -1.8366, 0.3405, 2.5854], bias: [0.462, -0.174] },
    { weight: [0.652536, -1.782402, 0.278535, 2.434938], bias: [0.454033333, -0.158066667] },
  ],
  adamw: [
    { weight: [0.890000003, -1.88000001, 0.395000005, 2.870000003], bias: [0.40000001, -0.150000005] },
    { weight: [0.679163602, -1.649363617, 0.194063606, 2.6195636], bias: [0.213564106, 0.036435911] },
    { weight: [0.627867724, -1.59321674, 0.145193228, 2.558565722], bias: [0.169906186, 0.080093834] },
  ],
  lars: [
    { weight: [0.999831444, -1.999873583, 0.499894652, 2.999705027], bias: [0.49, -0.23] },
    { weight: [0.999160085, -1.999435772, 0.499468482, 2.998595857], bias: [0.462, -0.174] },
    { weight: [0.998913771, -1.99928964, 0.499310676, 2.998203407], bias: [0.454033333, -0.158066667] },
  ],
}

test.each(optimizers)('%s equals PyTorch on a matrix that decays and a bias that does not', (name, optimizer) => {
  let params = start()
  let state = optimizer.init(params)
  const rates = [0.1, 0.2, 0.05]
  rates.forEach((lr, i) => {
    const grads = {
      weight: tf.mul(tf.tensor2d([0.3, -0.1, 0.2, 0.4], [2, 2]), i + 1),
      bias: tf.div(tf.tensor1d([0.1, -0.2]), i + 1),
    }
    ;({ params, state } = optimizer.update(params, grads, state, { lr, weightDecay: 0.1 }))
    const expected = torch[name]![i]!
    expect(largestDifference(valuesOf(params.weight!), expected.weight)).toBeLessThan(5e-7)
    expect(largestDifference(valuesOf(params.bias!), expected.bias)).toBeLessThan(5e-7)
  })
})

test('AdamW adds epsilon outside the bias correction: a first gradient as small as epsilon moves half as far', () => {
  const params: Params = { w: tf.zeros([1, 1]) }
  const next = adamw.update(params, { w: tf.fill([1, 1], 1e-8) }, adamw.init(params), { lr: 1, weightDecay: 0 })
  expect(valuesOf(next.params.w!)[0]).toBeCloseTo(-0.5, 5)
})

test('AdamW keeps float32 accuracy over a thousand steps of one gradient, where p moves by lr each time', () => {
  let params: Params = { w: tf.zeros([1, 1]) }
  let state = adamw.init(params)
  for (let i = 0; i < 1000; i++) {
    ;({ params, state } = adamw.update(params, { w: tf.fill([1, 1], 0.01) }, state, { lr: 0.001, weightDecay: 0 }))
  }
  expect(valuesOf(params.w!)[0]).toBeCloseTo(-1, 4)
})

test.each(optimizers)(
  '%s leaves a parameter without a gradient, its state and nothing else as it was',
  (_, optimizer) => {
    const params = start()
    const options = { lr: 0.1, weightDecay: 0.1 }
    const first = optimizer.update(params, gradients(), optimizer.init(params), options)
    const { bias } = gradients()
    const both = optimizer.update(first.params, gradients(), first.state, options)
    const one = optimizer.update(first.params, { bias }, first.state, options)
    for (const [name, before] of Object.entries({ ...first.params, ...first.state })) {
      const after = { ...one.params, ...one.state }[name]!
      const expected = name.endsWith('bias') ? { ...both.params, ...both.state }[name]! : before
      expect(valuesOf(after), name).toEqual(valuesOf(expected))
      expect(after, name).not.toBe(before) // an alias would die with the old parameters
    }
  },
)

test.each(optimizers)('%s gives the same bits for numbers and scalars', (_, optimizer) => {
  const params = start()
  const state = optimizer.init(params)
  const numbers = optimizer.update(params, gradients(), state, { lr: 3e-4, weightDecay: 0.04 })
  const scalars = optimizer.update(params, gradients(), state, { lr: tf.scalar(3e-4), weightDecay: tf.scalar(0.04) })
  for (const name in params) expect(valuesOf(scalars.params[name]!)).toEqual(valuesOf(numbers.params[name]!))
})

test.each(optimizers)('%s leaks no tensor and reads none', (_, optimizer) => {
  let params = start()
  let state = optimizer.init(params)
  const grads = gradients()
  const before = tf.memory().numTensors
  const read = vi.spyOn(tf.backend(), 'readSync')
  for (let i = 0; i < 5; i++) {
    const next = optimizer.update(params, i === 2 ? { bias: grads.bias! } : grads, state, { lr: 0.1, weightDecay: 0.1 })
    tf.dispose([params, state])
    ;({ params, state } = next)
    expect(tf.memory().numTensors).toBe(before)
  }
  expect(read).not.toHaveBeenCalled()
  read.mockRestore()
  expect(valuesOf(params.weight!).every(Number.isFinite)).toBe(true)
})

test.each(optimizers)('%s begins at zero, with the names and shapes that it announces', (_, optimizer) => {
  const params = { ...start(), 'last_layer.weight_g': tf.ones([3, 1]) }
  const state = optimizer.init(params)
  const shapes = optimizer.shapes(Object.fromEntries(Object.entries(params).map(([name, p]) => [name, p.shape])))
  expect(Object.fromEntries(Object.entries(state).map(([name, s]) => [name, s.shape]))).toEqual(shapes)
  for (const slot of Object.values(state)) expect(valuesOf(slot).every((x) => x === 0)).toBe(true)
})

test('the state is flat and named as promised', () => {
  expect(adamw.shapes({ w: [2, 3] })).toEqual({ 'exp_avg.w': [2, 3], 'exp_avg_sq.w': [2, 3], 'step.w': [] })
  expect(sgd.shapes({ w: [2, 3] })).toEqual({ 'momentum_buffer.w': [2, 3] })
  expect(lars.shapes({ w: [2, 3] })).toEqual({ 'momentum_buffer.w': [2, 3] })
})

test('a trained weight_g decays', () => {
  const params: Params = { 'last_layer.weight_g': tf.ones([3, 1]) }
  const grads: Params = { 'last_layer.weight_g': tf.zeros([3, 1]) }
  const next = adamw.update(params, grads, adamw.init(params), { lr: 0.5, weightDecay: 0.5 })
  expect(valuesOf(next.params['last_layer.weight_g']!)).toEqual([0.75, 0.75, 0.75])
})

test('LARS moves a matrix of zeros, and one whose gradient is zero, as plain momentum would', () => {
  const zeros: Params = { w: tf.zeros([1, 2]) }
  const moved = lars.update(zeros, { w: tf.tensor2d([[1, -2]]) }, lars.init(zeros), { lr: 0.5, weightDecay: 0.1 })
  expect(valuesOf(moved.params.w!)).toEqual([-0.5, 1])
  const still = lars.update(zeros, { w: tf.zeros([1, 2]) }, lars.init(zeros), { lr: 0.5, weightDecay: 0.1 })
  expect(valuesOf(still.params.w!)).toEqual([0, 0])
  const ones: Params = { w: tf.ones([1, 2]) }
  const kept = lars.update(ones, { w: tf.zeros([1, 2]) }, lars.init(ones), { lr: 0.5, weightDecay: 0 })
  expect(valuesOf(kept.params.w!)).toEqual([1, 1])
})

test.each(optimizers)('%s refuses what does not fit, by name, and leaks nothing then', (name, optimizer) => {
  const params = start()
  const state = optimizer.init(params)
  const grads = gradients()
  const options = { lr: 0.1, weightDecay: 0 }
  const slot = Object.keys(optimizer.shapes({ weight: [2, 2] }))[0]!
  const other = { ...state, [slot]: tf.zeros([4, 4]) }
  const wrong = { weight: tf.zeros([4, 1]) }
  const lr = tf.tensor1d([0.1, 0.2]) as unknown as tf.Scalar
  const before = tf.memory().numTensors
  const step = (g: Params, s: Params, o = options as Parameters<Optimizer['update']>[3]) =>
    optimizer.update(params, g, s, o)
  expect(() => step(wrong, state)).toThrow(`${name}: expected the gradient weight of shape [2,2], got [4,1]`)
  expect(() => step({ missing: grads.bias! }, state)).toThrow('a parameter for the gradient missing')
  expect(() => step({ weight: undefined as unknown as tf.Tensor }, state)).toThrow('got undefined')
  expect(() => step(grads, {})).toThrow(`${name}: expected ${slot} in the state, got none`)
  expect(() => step(grads, other)).toThrow(
    `expected ${slot} of shape [2,2], got [4,4]. Was the state saved with another`,
  )
  expect(() => step(grads, state, { lr: Number.NaN, weightDecay: 0 })).toThrow('expected lr of 0 or more, got NaN')
  expect(() => step(grads, state, { lr: 0.1, weightDecay: -1 })).toThrow('weightDecay of 0 or more, got -1')
  expect(() => step(grads, state, { lr, weightDecay: 0 })).toThrow('lr to be a number or a scalar, got shape [2]')
  expect(tf.memory().numTensors).toBe(before)
})

test('constants out of range are refused', () => {
  const params = start()
  const options = { lr: 0.1, weightDecay: 0 }
  expect(() => adamw.update(params, {}, {}, { ...options, beta2: 1 })).toThrow('beta2 from 0 to below 1, got 1')
  expect(() => sgd.update(params, {}, {}, { ...options, momentum: -0.1 })).toThrow('momentum')
  expect(() => lars.update(params, {}, {}, { ...options, eta: Number.NaN })).toThrow('eta')
})

function start(): Params {
  return { weight: tf.tensor2d([1, -2, 0.5, 3], [2, 2]), bias: tf.tensor1d([0.5, -0.25]) }
}

function gradients(): Params {
  return { weight: tf.tensor2d([0.3, -0.1, 0.2, 0.4], [2, 2]), bias: tf.tensor1d([0.1, -0.2]) }
}

function valuesOf(tensor: tf.Tensor): number[] {
  return Array.from(tensor.dataSync())
}
