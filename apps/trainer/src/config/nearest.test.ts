import { expect, test } from 'vitest'
import { nearest } from './nearest.js'

const names = ['patchSize', 'globalCropsScale', 'localCropsScale', 'lr', 'minLr', 'epochs']

test.each([
  ['patchsize', 'patchSize'],
  ['patch_size', 'patchSize'],
  ['pachtSize', 'patchSize'],
  ['globalCropScale', 'globalCropsScale'],
  ['epoch', 'epochs'],
  ['rl', 'lr'],
])('%s means %s', (typed, meant) => {
  expect(nearest(typed, names)).toBe(meant)
})

test('the beginning of a name means it', () => {
  expect(nearest('vits16', ['paper-800', 'vits16-100ep', 'vits16-300ep'])).toBe('vits16-100ep')
})

test('a word like none of the names means nothing', () => {
  expect(nearest('colour', names)).toBeUndefined()
})
