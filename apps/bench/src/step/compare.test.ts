import type { CommandContext } from '@stricli/core'
import { expect, test } from 'vitest'
import { runCompare } from './compare.js'

const small = { arch: 'vit_tiny', embedDim: 24, numHeads: 2, depth: 2, outDim: 64, batchSize: 2, localCropsNumber: 1 }

function compare(...settings: string[]) {
  let output = ''
  const stdout = { write: (text: string) => (output += text) }
  const context = { process: { stdout, stderr: { write: () => {} } } } as unknown as CommandContext
  const flags = { base: JSON.stringify(small), rounds: 2, json: true }
  return runCompare.call(context, flags, ...settings).then(() => JSON.parse(output))
}

test('steps of several settings are timed in turn, on one set of weights', { timeout: 120_000 }, async () => {
  const compared = await compare('{}', '{"dropPathRows":"kept"}')
  expect(compared.map(({ settings }: { settings: object }) => settings)).toEqual([{}, { dropPathRows: 'kept' }])
  for (const { timesMs, firstStepMs } of compared) {
    expect(timesMs.length).toBe(2)
    expect(Math.min(firstStepMs, ...timesMs)).toBeGreaterThan(0)
  }
})

test('settings of other weights, and what is no JSON, are refused', async () => {
  await expect(compare('{}', '{"depth":3}')).rejects.toMatchObject({
    message: expect.stringContaining('--base'),
    exitCode: 2,
  })
  await expect(compare('depth 3')).rejects.toMatchObject({ message: expect.stringContaining('as JSON'), exitCode: 2 })
})
