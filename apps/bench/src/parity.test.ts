import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Case, cases, load } from '@dino/fixtures'
import { serializeSafetensors } from '@dino/weights'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Row } from './parity/report.js'

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const minutes = 60_000
const own = fileURLToPath(new URL('../cases', import.meta.url))
const all = [...cases(), ...cases(undefined, own)]
const onEngines = ['vit', 'resnet', 'head', 'loss', 'sinkhorn', 'train', 'linear']
const implemented = [
  ...onEngines,
  'schedule',
  'augment',
  'knn',
  'attention',
  'checkpoint',
  'retrieval',
  'copy',
  'video',
]

function parity(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'parity', ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

function rows(output: string): Row[] {
  return (JSON.parse(output) as { rows: Row[] }).rows
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-parity-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('every case passes that can and is implemented, on the compiled engine and eagerly', {
  timeout: 10 * minutes,
}, () => {
  const { status, stdout } = parity('--json')
  const results = rows(stdout)
  expect(results.filter(({ result }) => result === 'fail')).toEqual([])
  expect(status).toBe(0)
  for (const { kind, name } of all) {
    const found = results.filter((row) => row.name === name)
    expect(found.map(({ engine }) => engine)).toEqual(onEngines.includes(kind) ? ['tensorflow', 'eager'] : [null])
    for (const { result } of found) expect(result === 'not implemented').toBe(!implemented.includes(kind))
  }
  for (const kind of implemented) expect(results.some((row) => row.kind === kind && row.result === 'pass')).toBe(true)
})

describe('on a changed copy of the cases', () => {
  beforeAll(() => {
    for (const source of [all[0]!.dir, own]) cpSync(source, folder, { recursive: true })
    writeManifest(all.filter((each) => each.kind !== 'train' || each.dir === own))
  })

  test.each([
    ['schedule', 'out.lr'],
    ['augment', 'out.hflip'],
    ['loss', 'out1.center'],
    ['head', 'grad.x'],
    ['train', 'student.backbone.norm.weight'],
  ])('%s fails, names %s and ends with 1', { timeout: 2 * minutes }, (kind, name) => {
    const changed = all.findLast((each) => each.kind === kind && load(each)[name])!
    change(changed, name)
    const { status, stdout, stderr } = parity('--fixtures', folder, '--kind', kind, '--engine', 'eager')
    expect(stdout).toMatch(new RegExp(`${changed.name} .*FAIL  ${name.replace(/^out\.(hflip|lr)/, '$1')}`))
    expect(stderr).toContain('1 of ')
    expect(status).toBe(1)
  })

  test('a train case whose first weights were copied too late is invalid, not a failure', () => {
    const c = all.find(({ dir }) => dir === own)!
    const tensors = load(c)
    for (const name of Object.keys(tensors).filter((each) => each.startsWith('init.'))) {
      tensors[name] = tensors[name.replace('init.', 'student.')]!
    }
    writeFileSync(join(folder, `${c.name}.safetensors`), serializeSafetensors(tensors))
    const { stdout } = parity('--fixtures', folder, '--kind', 'train', '--engine', 'eager', '--json')
    expect(rows(stdout).find(({ name }) => name === c.name)).toMatchObject({ result: 'invalid', difference: null })
  })

  test('a case whose file is missing fails, and the others still run', () => {
    const [missing, ...others] = all.filter(({ kind }) => kind === 'loss')
    rmSync(join(folder, `${missing!.name}.safetensors`))
    const { status, stdout } = parity('--fixtures', folder, '--kind', 'loss', '--engine', 'eager', '--json')
    const results = rows(stdout)
    expect(results.find(({ name }) => name === missing!.name)).toMatchObject({ result: 'fail', difference: null })
    expect(results).toHaveLength(others.length + 1)
    expect(status).toBe(1)
  })

  test('a kind that nobody knows is not implemented, which is no failure', () => {
    writeFileSync(
      join(folder, 'manifest.json'),
      JSON.stringify({ cases: [{ kind: 'new', name: 'new0', tolerance: 0 }] }),
    )
    const { status, stdout } = parity('--fixtures', folder)
    expect(stdout).toMatch(/new +new0 .*not implemented/)
    expect(status).toBe(0)
  })
})

test.each([
  ['a folder without a manifest', ['--fixtures', tmpdir()], 'holds no manifest.json'],
  ['a folder that is not there', ['--fixtures', join(tmpdir(), 'dino-no-such-folder')], 'does not exist'],
  ['a kind that no case has', ['--kind', 'vitt'], 'It has vit,'],
  ['an engine that is not there', ['--engine', 'tensorfow'], 'got tensorfow'],
  ['a misspelt flag', ['--fixture', tmpdir()], '--fixtures'],
])('%s is refused with 2', (_, args, message) => {
  const { status, stdout, stderr } = parity(...args)
  expect(stderr).toContain(message)
  expect(stdout).toBe('')
  expect(status).toBe(2)
})

function writeManifest(cases: object[]): void {
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ cases }))
}

/** Adds 1 to one expected value. */
function change(c: Case, name: string): void {
  const tensors = load(c)
  const values = tensors[name]!.data as unknown as Record<number, number>
  values[0] = values[0]! + 1
  writeFileSync(join(folder, `${c.name}.safetensors`), serializeSafetensors(tensors))
}
