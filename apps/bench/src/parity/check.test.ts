import { expect, test } from 'vitest'
import { compare, float32, passes, steps, toleranceFor, worst } from './check.js'

const at = (difference: number, tolerance: number) => ({ name: `${difference}`, difference, tolerance })
const c = (tolerance: unknown) =>
  ({ kind: 'new', name: 'new0', dir: '', tolerance }) as Parameters<typeof toleranceFor>[0]

test('the worst check is the one furthest beyond its own tolerance', () => {
  expect(worst([at(0.5, 1), at(1e-6, 1e-9), at(0, 0)]).name).toBe('0.000001')
  expect(worst([at(0, 0), at(1e-7, 1e-6)]).name).toBe('1e-7')
  expect(worst([at(5, 10), at(1, 0)]).name).toBe('1')
  expect(worst([at(5, 10), at(Number.NaN, 1), at(9, 10)]).name).toBe('NaN')
})

test('NaN never passes, and a difference of zero passes a tolerance of zero', () => {
  expect(passes(at(Number.NaN, 1))).toBe(false)
  expect(passes(at(0, 0))).toBe(true)
})

test('a tolerance is one number for all outputs, or one for each sort', () => {
  expect(toleranceFor(c(0.5), 'levels')).toBe(0.5)
  expect(toleranceFor(c({ levels: 0, normalize: 1e-6 }), 'normalize')).toBe(1e-6)
  expect(() => toleranceFor(c({ levels: 0 }), 'cls')).toThrow('expected a number or one for cls, got {"levels":0}')
  expect(() => toleranceFor(c(undefined), 'cls')).toThrow('got undefined')
})

test('values of another size are infinitely far', () => {
  const [two, three] = [float32([2], new Float32Array(2)), float32([3], new Float32Array(3))]
  expect(compare(c(1), 'y', two, three).difference).toBe(Number.POSITIVE_INFINITY)
})

test('steps are found by their numbers, in order, whatever gaps there are', () => {
  const value = float32([], new Float32Array(1))
  expect(steps('in', { 'in10.x': value, 'in2.x': value, 'in2.y': value, 'in.x': value, 'out3.x': value })).toEqual([
    2, 10,
  ])
  expect(() => steps('in', {})).toThrow('expected tensors named in0.…')
})
