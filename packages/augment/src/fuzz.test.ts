import { test } from 'vitest'
import { fuzzDatasets, fuzzDecode } from './fuzz-for-tests.js'

// 10,000 of each in `test:full`
test('400 damaged archives and lists: samples or typed errors, nothing else', { timeout: 60_000 }, () =>
  fuzzDatasets(400),
)

test('300 damaged images: pixels or typed errors, nothing else', { timeout: 60_000 }, () => fuzzDecode(300))
