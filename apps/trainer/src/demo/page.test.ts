import { describe, expect, test } from 'vitest'
import { attentionJaccard } from '../inspect/attention-scores.js'
import { fill } from './image.js'
import { type DemoResult, renderPage } from './page.js'

const mask = Uint8Array.of(1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
const on = Float32Array.from(mask, (m) => 0.01 + m)
const off = Float32Array.from(mask, (m) => 0.01 + 1 - m)

const result: DemoResult = {
  run: {
    seed: 3,
    architecture: 'width 96, depth 4, patch 8',
    parameters: 467328,
    imageSize: 32,
    sceneSize: 32,
    prototypes: 512,
    steps: 2,
    batchSize: 32,
    trainingSeconds: 252.4,
    engine: 'TensorFlow <2.21>',
    trainObjects: 958,
    testObjects: 418,
    categories: 7,
    scenes: 2,
  },
  before: { knn: 43.9, retrieval: 6.5, attention: attentionJaccard(off, [mask]) },
  after: { knn: 52.3, retrieval: 24.5, attention: attentionJaccard(on, [mask]) },
  baselines: {
    pixels: { knn: 53.6, retrieval: 21.8 },
    histogram: { knn: 56.7, retrieval: 75.9 },
    chance: { knn: 26.3, retrieval: 0.1 },
    attention: { random: 0.14, centre: 0.3 },
  },
  curves: [
    { step: 1, loss: 6.2, teacherEntropy: 6.1, kl: 0.1 },
    { step: 2, loss: 2.2, teacherEntropy: 1.1, kl: 1.1 },
  ],
  knn: [
    { step: 0, teacher: 43.9, student: 43.9 },
    { step: 2, teacher: 52.3 },
  ],
  examples: [{ name: 'cup & "saucer"', image: fill(32, 32, [200, 100, 50]), mask, before: off, after: on }],
}

describe('the page', async () => {
  const page = await renderPage(result)

  test('asks nothing of the network: no script, and no address but data', () => {
    expect(page).not.toMatch(/<script|@import|url\(/)
    for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g)) expect(address).toMatch(/^data:/)
    expect(page).not.toMatch(/https?:/)
  })

  test('shows what training changed, beside what needs none', () => {
    for (const value of ['43.9', '52.3', '+8.4', '53.6', '56.7', '26.3', '24.5', '75.9', '4 min 12 s', '958', '418']) {
      expect(page).toContain(value)
    }
    expect(page).toContain('ln K = 6.24')
    expect(page).toContain('The colours of an emoji say a lot')
  })

  test('every picture has words: an alternative text, with its score', () => {
    const pictures = [...page.matchAll(/<img [^>]*>/g)].map(([tag]) => tag)
    expect(pictures.every((tag) => tag.includes('alt="'))).toBe(true)
    expect(page).toContain('alt="Attention on cup &amp; &quot;saucer&quot; after training: Jaccard')
  })

  test('no text of the result becomes markup', () => {
    expect(page).toContain('TensorFlow &lt;2.21&gt;')
    expect(page).not.toContain('<2.21>')
  })

  test('a run that learned nothing is not praised', async () => {
    const nothing = await renderPage({ ...result, after: result.before })
    expect(nothing).toContain('This run did not learn to look at objects.')
    expect(page).toContain('Nobody told it what an object is.')
  })
})
