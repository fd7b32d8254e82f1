import { type Features, type Nearest, nearest } from '@dino/eval'
import { openSession, type Session } from '@dino/graph'
import { stream } from '@dino/random'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nearestOnEngine } from './nearest-on-engine.js'

let session: Session
beforeAll(async () => {
  session = await openSession()
})
afterAll(() => session.close())

function features(rows: number, dim: number, seed: number): Features {
  const draws = stream(seed, 'features')
  return { data: Float32Array.from({ length: rows * dim }, () => draws.normal()), rows, dim }
}

test('equals nearest bit for bit, over the borders of blocks, groups and calls', async () => {
  const sizes = fc.record({
    queries: fc.integer({ min: 1, max: 300 }),
    rows: fc.integer({ min: 40, max: 2000 }),
    dim: fc.integer({ min: 3, max: 40 }), // on a line or circle, far more than 16 rows tie,
    k: fc.integer({ min: 1, max: 60 }),
    metric: fc.constantFrom('cosine' as const, 'dot' as const),
    leaveOneOut: fc.boolean(),
    seed: fc.nat(),
  })
  let onEngine = 0
  await fc.assert(
    fc.asyncProperty(sizes, async ({ queries, rows, dim, k, metric, leaveOneOut, seed }) => {
      const database = features(rows, dim, seed)
      const asked = leaveOneOut ? database : features(queries, dim, seed + 1)
      const onProgress = (done: number, total: number) => {
        if (done === total) onEngine++
      }
      const few = { small: 0, blockBytes: 4 * 256 * 500, onProgress } // 500 rows a block
      const found = await nearestOnEngine(session, asked, database, k, { metric, leaveOneOut, ...few })
      expect(found).toEqual(nearest(asked, database, k, { metric, leaveOneOut }))
    }),
    { numRuns: 12 },
  )
  expect(onEngine).toBeGreaterThan(6) // the others asked for most of the rows, which nearest does itself
  expect(session.memory()).toMatchObject({ variables: 0, tensors: 0 })
})

test('rows that tie are found, whichever of them', async () => {
  const database = { data: new Float32Array(3000 * 2).fill(1), rows: 3000, dim: 2 }
  const { k, similarities, indices } = await nearestOnEngine(session, features(5, 2, 0), database, 20, { small: 0 })
  for (let query = 0; query < 5; query++) {
    const own = <T extends Float32Array | Int32Array>(values: T) => [...values.subarray(query * k, (query + 1) * k)]
    expect(new Set(own(similarities)).size).toBe(1)
    expect(new Set(own(indices)).size).toBe(20)
  }
})

test('little work, an eager engine and a k of most rows go to nearest, with the same answer', async () => {
  const [queries, database] = [features(20, 8, 1), features(200, 8, 2)]
  const expected = nearest(queries, database, 150)
  const onProgress = () => expect.unreachable('the engine was asked')
  const eager = await openSession({ engine: 'eager', eagerBackend: 'cpu' }).catch(() => undefined)
  const found: Nearest[] = [
    await nearestOnEngine(session, queries, database, 150, { onProgress }),
    await nearestOnEngine(session, queries, database, 150, { onProgress, small: 0 }),
  ]
  if (eager) found.push(await nearestOnEngine(eager, queries, database, 150, { onProgress, small: 0 }))
  for (const each of found) expect(each).toEqual(expected)
  await eager?.close()
})

test('features that are not finite are refused, and an aborted search leaves nothing in the session', async () => {
  const broken = features(600, 3, 0)
  broken.data[3 * 599] = Number.NaN
  const search = (database: Features, signal?: AbortSignal) =>
    nearestOnEngine(session, features(10, 3, 1), database, 5, { small: 0, signal })
  await expect(search(broken)).rejects.toThrow('Row 599 of the features holds NaN')
  await expect(search(features(600, 3, 0), AbortSignal.abort())).rejects.toThrow('aborted')
  expect(session.memory()).toMatchObject({ variables: 0, tensors: 0 })
})
