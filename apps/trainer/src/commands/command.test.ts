import { expect, test } from 'vitest'
import { Failure, type TrainIO } from '../report/io.js'
import { interruptible, share, wholeNumber } from './command.js'

function io(signal: AbortSignal): TrainIO {
  const nowhere = { write: () => true }
  return { stdout: nowhere, stderr: nowhere, env: {}, signal, isTTY: false }
}

test('work with nothing to save gives way to Ctrl-C', async () => {
  const stop = new AbortController()
  const code = interruptible(() => new Promise<number>(() => {}))({}, io(stop.signal))
  stop.abort()
  expect(await code).toBe(130)
})

test('work that is done in time keeps its exit code', async () => {
  expect(await interruptible(async () => 1)({}, io(new AbortController().signal))).toBe(1)
})

test.each(['', ' ', '1.5', '0', 'x', 'Infinity'])('%j is no whole number from 1', (text) => {
  expect(() => wholeNumber(1)(text)).toThrow(Failure)
})

test('a share includes 0 and 1', () => {
  expect([share('0'), share('1'), share('.6')]).toEqual([0, 1, 0.6])
  expect(() => share('1.01')).toThrow('expected a number, 0 to 1, got "1.01"')
})
