import { test } from 'vitest'
import { fuzzDatasets, fuzzDecode } from '../src/fuzz-for-tests.js'

test('10,000 damaged archives and lists: samples or typed errors, nothing else', { timeout: 20 * 60_000 }, () =>
  fuzzDatasets(10_000),
)

test('10,000 damaged images: pixels or typed errors, nothing else', { timeout: 20 * 60_000 }, () => fuzzDecode(10_000))
