import { expect, test } from 'vitest'
import { sideBySide } from './run-plan.js'

test('runs go side by side as memory holds them, one while none has told how much it takes, and never none', () => {
  expect(sideBySide(4, 10e9, undefined)).toBe(1)
  expect(sideBySide(4, 10e9, 1e9)).toBe(4)
  expect(sideBySide(4, 10e9, 4e9)).toBe(2)
  expect(sideBySide(4, 1e9, 4e9)).toBe(1)
})
