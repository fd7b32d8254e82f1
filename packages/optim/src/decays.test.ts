import { cases, load } from '@dino/fixtures'
import { describe, expect, test } from 'vitest'
import { decays } from './index.js'

// Reference: utils.get_params_groups, seen from the other side.
describe.each(cases('train'))('$name', (c) => {
  const init = Object.entries(load(c)).filter(([name]) => name.startsWith('init.'))

  test('matrices, tokens, position embeddings, weight_v and weight_g decay; biases and norms do not', () => {
    expect(init.length).toBeGreaterThan(0)
    for (const [name, { shape }] of init) {
      const spared = name.endsWith('.bias') || /norm\d?\.weight$/.test(name)
      expect(decays(name, shape), name).toBe(!spared)
    }
  })
})

test('what decays is decided by name and rank alone', () => {
  expect(decays('cls_token', [1, 1, 192])).toBe(true)
  expect(decays('last_layer.weight_g', [65536, 1])).toBe(true)
  expect(decays('blocks.0.attn.qkv.bias', [576])).toBe(false)
  expect(decays('norm.weight', [192])).toBe(false)
  expect(decays('conv.bias', [1, 8, 1, 1])).toBe(false)
})
