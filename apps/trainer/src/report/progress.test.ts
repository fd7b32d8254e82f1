import { expect, test } from 'vitest'
import type { TrainIO } from './io.js'
import { createProgress } from './progress.js'

const ESC = String.fromCharCode(27)

function run(options: {
  isTTY: boolean
  columns?: number
  env?: Record<string, string>
  steps?: number
  stopAt?: number
  waited?: number
}) {
  let text = ''
  let time = 0
  const { isTTY, columns = 200, env = {}, steps = 400, stopAt = steps, waited = 0.002 } = options
  const stderr = { write: (chunk: string) => (text += chunk), columns, rows: 24, isTTY }
  const io: TrainIO = { stdout: stderr, stderr, env, signal: new AbortController().signal, isTTY }
  const progress = createProgress(io, { total: steps, epochs: 4, batchSize: 32, outDim: 512, now: () => time })
  for (let iteration = 1; iteration <= stopAt; iteration++) {
    time += 500
    progress.step({
      iteration,
      epoch: Math.floor(((iteration - 1) * 4) / steps),
      loss: 6 - iteration / steps,
      teacherEntropy: 3.5,
      kl: 0.25,
      lr: 1.25e-4,
      seconds: iteration === 1 ? 9 : 0.5,
      waited: iteration === 1 ? 3 : waited,
    })
    if (iteration === 200) progress.note('k-NN after epoch 2: teacher 44.1 %')
  }
  progress.stop()
  return text
}

test('a pipe gets whole lines, no escapes, and few of them', () => {
  const lines = run({ isTTY: false }).split('\n')
  expect(lines.join('')).not.toContain(ESC)
  expect(lines.length).toBeLessThan(12) // 200 seconds of steps
  expect(lines[0]).toBe(
    'epoch 1/4  step   1/400  loss 5.997 (ln K 6.24)  teacher entropy 3.50  KL 0.25  lr 1.25e-4  3.56 images/s  waits 33 % for data  59 min 51 s left',
  )
  expect(lines.at(-3)).toBe(
    'epoch 4/4  step 400/400  loss 5.000 (ln K 6.24)  teacher entropy 3.50  KL 0.25  lr 1.25e-4  64.0 images/s  waits 0.4 % for data  done in 3 min 20 s',
  )
})

test('a pipe gets notes, and the last state when training stops early', () => {
  const text = run({ isTTY: false, stopAt: 203 })
  expect(text).toContain('\nk-NN after epoch 2: teacher 44.1 %\n')
  expect(text.trimEnd().split('\n').at(-2)).toContain('step 203/400')
})

test('the end says which side held the other up, the first step apart', () => {
  const last = (waited: number) => run({ isTTY: false, waited }).trimEnd().split('\n').at(-1)
  expect(last(0.002)).toBe('Waited for data 0.4 % of the time: the step is the bottleneck, the loader keeps up.')
  expect(last(0.25)).toContain('Waited for data 50 % of the time: the loader is the bottleneck. More --num-workers')
})

test('a terminal gets one line, rewritten', () => {
  const text = run({ isTTY: true })
  expect(text).toContain(ESC)
  expect(text).toContain('step 400/400')
})

test('NO_COLOR takes the colours and leaves the rewriting', () => {
  const bold = `${ESC}[1m`
  expect(run({ isTTY: true })).toContain(bold)
  expect(run({ isTTY: true, env: { NO_COLOR: '1' } })).not.toContain(bold)
})

test('a narrow terminal gets what matters most, on one line', () => {
  const text = run({ isTTY: true, columns: 60 })
  expect(text).toContain('loss')
  expect(text).not.toContain('images/s')
})
