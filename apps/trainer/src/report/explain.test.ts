import { expect, test } from 'vitest'
import { explain } from './explain.js'
import { Failure } from './io.js'

test('an expected failure is one line', () => {
  expect(explain(new Failure('photos: no such folder.'))).toBe('photos: no such folder.')
  expect(explain(new RangeError('selfDistillation: expected center of shape [1,64], got [1,32].'))).not.toContain('\n')
})

test('a bug keeps its stack', () => {
  const bug = (() => {
    try {
      return (undefined as unknown as { x: number }).x
    } catch (error) {
      return error
    }
  })()
  expect(explain(bug)).toMatch(/This is a bug[\s\S]*TypeError[\s\S]*explain\.test/)
})

test('a full disk says so', () => {
  const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  expect(explain(error)).toBe('The disk is full. Free some space; what was saved before is intact.')
})
