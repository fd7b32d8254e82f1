import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lineChart, ticks } from './chart.js'

const chart = {
  id: 'loss',
  title: 'Loss <over> steps',
  description: 'It falls.',
  xLabel: 'step',
  yLabel: 'nats',
  series: [
    {
      name: 'loss',
      kind: 'loss',
      points: [
        [0, 6],
        [10, 2],
      ] as [number, number][],
    },
  ],
}

describe('ticks', () => {
  test('cover the range in even, round steps, a handful of them', () => {
    const value = fc.double({ min: -1e4, max: 1e4, noNaN: true })
    fc.assert(
      fc.property(value, fc.double({ min: 1e-3, max: 1e4, noNaN: true }), (low, span) => {
        const at = ticks(low, low + span, 5)
        const step = at[1] - at[0]
        expect(at[0]).toBeLessThanOrEqual(low + step * 1e-6)
        expect(at[at.length - 1]).toBeGreaterThanOrEqual(low + span - step * 1e-6)
        expect(at.length).toBeGreaterThanOrEqual(2)
        expect(at.length).toBeLessThanOrEqual(8)
      }),
    )
  })

  test('show no rounding, and one value alone has a range too', () => {
    expect(ticks(0, 0.6, 5)).toEqual([0, 0.2, 0.4, 0.6])
    expect(ticks(0, 6.24, 5)).toEqual([0, 2, 4, 6, 8])
    expect(ticks(50, 50, 5)[0]).toBeLessThanOrEqual(50)
  })
})

describe('lineChart', () => {
  test('says in words what it shows, and escapes them', () => {
    const svg = lineChart(chart)
    expect(svg).toContain('role="img" aria-labelledby="loss-title loss-text"')
    expect(svg).toContain('<title id="loss-title">Loss &lt;over&gt; steps</title>')
    expect(svg).toContain('>nats</text>')
    expect(svg).toContain('>step</text>')
  })

  test('names of lines that end close together do not cover each other', () => {
    const series = ['a', 'b', 'c', 'd'].map((name) => ({
      name,
      kind: 'loss',
      points: [
        [0, 1],
        [9, 1],
      ] as const,
    }))
    const svg = lineChart({ ...chart, yFrom: 0, series, levels: [{ name: 'ln K', value: 1.01 }] })
    const at = [...svg.matchAll(/class="name [a-z]+" x="\d+" y="([\d.]+)"/g)].map((found) => Number(found[1]))
    expect(at).toHaveLength(5)
    for (let i = 1; i < at.length; i++) expect(at[i] - at[i - 1]).toBeGreaterThanOrEqual(14.9)
  })

  test('a long series becomes a path of bounded length', () => {
    const points = Array.from({ length: 100_000 }, (_, i) => [i, Math.sin(i)] as const)
    expect(lineChart({ ...chart, series: [{ name: 'x', kind: 'loss', points }] }).length).toBeLessThan(8000)
  })

  test('a chart without points, or of NaN, is refused', () => {
    expect(() => lineChart({ ...chart, series: [] })).toThrow('got none')
    const points = [[0, Number.NaN]] as const
    expect(() => lineChart({ ...chart, series: [{ name: 'x', kind: 'loss', points }] })).toThrow('NaN')
  })
})
