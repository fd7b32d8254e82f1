// Runs the cases of pillow-cases.py with the SIMD kernels and with the plain ones, and counts the bytes that differ from Pillow's:
// node pillow-check.mjs DIR
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const augment = await import('../dist/index.js')
const dir = process.argv[2]
const bytes = readFileSync(join(dir, 'cases.bin'))
const cases = JSON.parse(readFileSync(join(dir, 'cases.json'), 'utf8'))
const table = {}
for (const which of ['auto', 'plain']) {
  augment.useKernels(which)
  for (const each of cases) check(each)
}
console.table(table)
process.exitCode = Object.values(table).some(({ differ }) => differ > 0) ? 1 : 0

function check({ op, in: input, out, value, ...settings }) {
  const argument = value ?? (Object.keys(settings).length > 0 ? settings : undefined)
  const actual = augment[op](image(input), argument)
  const expected = image(out)
  const row = (table[`${op}, ${augment.kernelsInUse()}`] ??= {
    cases: 0,
    differ: 0,
    'bytes that differ': 0,
    'most levels': 0,
  })
  row.cases++
  const same = actual.width === expected.width && actual.height === expected.height
  let wrong = same ? 0 : expected.data.length
  for (let i = 0; same && i < expected.data.length; i++) {
    const levels = Math.abs(actual.data[i] - expected.data[i])
    if (levels > 0) wrong++
    row['most levels'] = Math.max(row['most levels'], levels)
  }
  if (wrong > 0) row.differ++
  row['bytes that differ'] += wrong
}

function image({ offset, shape: [height, width, channels = 1] }) {
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + offset, height * width * channels)
  return { data, width, height, channels }
}
