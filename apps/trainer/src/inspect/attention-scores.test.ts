import { describe, expect, test } from 'vitest'
import { attentionJaccard, meanOverHeads } from './attention-scores.js'

describe('attentionJaccard', () => {
  const mask = Uint8Array.of(1, 1, 0, 0)

  test('the mean head is the mask of the mean map, not the mean of the masks', () => {
    const maps = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0) // each head sees one half of the object
    const { heads, meanHead, bestHead, bestHeadOfEachImage } = attentionJaccard(maps, [mask], 1)
    expect(heads).toEqual([0.5, 0.5])
    expect([meanHead, bestHead, bestHeadOfEachImage]).toEqual([1, 0.5, 0.5])
  })

  test('the best head is one for all images; the best of each image may change', () => {
    const maps = Float32Array.of(1, 1, 0, 0, 0, 0, 1, 1, /* second image */ 0, 0, 1, 1, 1, 1, 0, 0)
    const { bestHead, bestHeadOfEachImage } = attentionJaccard(maps, [mask, mask], 1)
    expect([bestHead, bestHeadOfEachImage]).toEqual([0.5, 1])
  })

  test('maps of another grid are refused', () => {
    expect(() => attentionJaccard(new Float32Array(7), [mask])).toThrow('got 7')
  })

  test('meanOverHeads averages', () => {
    expect([...meanOverHeads(Float32Array.of(1, 0, 0, 1), 2)]).toEqual([0.5, 0.5])
  })
})
