import { expect, test } from 'vitest'
import { networks, type Table1Row, table1Report } from './table1.js'

const flags = { batch: 8, passes: 2, engine: 'E', json: false }
const millions = [23.5, 21.7, 21.7, 85.8, 85.8]

/** @param rates images a second, two passes each, in the order of the table */
const claimsOf = (rates: number[][], parameters = millions) => {
  const rows = networks.map(({ name, paper }, i): Table1Row => {
    return { name, dim: 0, parameters: 1e6 * parameters[i]!, rates: rates[i]!, paper }
  })
  return table1Report(rows, flags).claims
}

test("throughput that grows as the paper's says so, whatever the machine's is", () => {
  const tenth = networks.map(({ paper }) => [paper.throughput / 10, paper.throughput / 10 + 0.1])
  const claims = claimsOf(tenth)
  expect(claims.map(({ verdict }) => verdict)).toEqual(Array(6).fill('holds'))
  expect(claims[3]).toMatchObject({
    text: 'ViT-S/8 takes 5.6 times as long as ViT-S/16, within a factor of 1.25',
    because: '5.6 times',
  })
  expect(claims[1]!.because).toBe("0.92 times as many; the paper's 0.91")
})

test('other ratios, other sizes, and what two passes cannot tell apart are told as such', () => {
  const rates = [
    [33, 35],
    [34, 35],
    [34, 34],
    [30, 30],
    [2, 2],
  ] // ViT-S/8 as fast as /16
  const verdicts = claimsOf(rates, [23.5, 27, 21.7, 85.8, 85.8]).map(({ verdict }) => verdict)
  expect(verdicts.slice(0, 2)).toEqual(['does not hold', 'does not hold'])
  expect(verdicts.slice(2)).toEqual(['undecided', 'does not hold', 'does not hold', 'does not hold'])
})
