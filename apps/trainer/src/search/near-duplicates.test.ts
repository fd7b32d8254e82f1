import { duplicateGroups, type Features } from '@dino/eval'
import { openSession, type Session } from '@dino/graph'
import { stream } from '@dino/random'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nearDuplicates } from './near-duplicates.js'

let session: Session
beforeAll(async () => {
  session = await openSession({ threads: 1 })
})
afterAll(() => session.close())

/** Rows around `centres` points, some of them many times: cosines within a group are above 0.999, else far below. */
function groups(rows: number, centres: number): Features {
  const dim = 16
  const draws = stream(3, 'groups')
  const points = Float32Array.from({ length: centres * dim }, () => draws.normal())
  const data = new Float32Array(rows * dim)
  for (let i = 0; i < rows; i++) {
    const centre = i % 3 === 0 ? 0 : draws.integer(0, centres) // a third of all are of one group
    for (let d = 0; d < dim; d++) data[i * dim + d] = points[centre * dim + d]! + 0.005 * draws.normal()
  }
  return { data, rows, dim }
}

test('the engine finds the groups that comparing all finds, those of more than 32 too', async () => {
  const features = groups(600, 250)
  const expected = await duplicateGroups(features, 0.99)
  expect(Math.max(...expected.map(({ length }) => length))).toBeGreaterThan(150)
  expect(expected.length).toBeGreaterThan(50)
  expect(await nearDuplicates(session, features, 0.99, { few: 0 })).toEqual(expected)
})
