import type { CommandContext } from '@stricli/core'
import { expect, test } from 'vitest'
import { step } from './defaults.js'
import { runStep, type StepFlags } from './run.js'

const { patchSize: _, ...defaults } = step
const flags: StepFlags = { ...defaults, peerCompile: false, json: false }

test.each([
  [{ arch: 'resnet50', patchSize: 8 }, '--patch-size is of a ViT, and --arch is resnet50. Leave it out.'],
  [{ patchSize: 128 }, '--patch-size: expected at most a local crop, 96, got 128.'],
  [{ outDim: 1 }, '--out-dim: expected a whole number of 2 or more, got 1.'],
  [{ batch: 1.5 }, '--batch: expected a whole number of 1 or more, got 1.5.'],
  [{ device: 'gpu', engine: 'eager' }, '--device gpu is for TensorFlow, and --engine is eager. Leave one out.'],
  [{ peerPython: './no/python' }, '--peer-python: ./no/python does not exist. Make it with apps/bench/peers/setup.sh'],
] as const)('%j is refused before anything runs', async (wrong, message) => {
  const refused = runStep.call({ process } as CommandContext, { ...flags, ...wrong })
  await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(message), exitCode: 2 })
})
