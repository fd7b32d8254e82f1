import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from './load.js'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dino-config-'))
})

afterEach(() => rm(folder, { recursive: true }))

async function load(files: Record<string, string>) {
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return loadConfig(join(folder, Object.keys(files)[0]!))
}

test.each([
  ['a.ts', 'const epochs: number = 30\nexport default { epochs, globalCropsScale: [0.3, 1] }'],
  ['a.mts', 'export default { epochs: 30 as const, globalCropsScale: [0.3, 1] }'],
  ['a.mjs', 'export default () => ({ epochs: 30, globalCropsScale: [0.3, 1] })'],
  ['a.json', '{ "epochs": 30, "globalCropsScale": [0.3, 1] }'],
  ['a.yaml', 'epochs: 30\nglobalCropsScale: [0.3, 1]\n'],
])('%s is read', async (name, content) => {
  expect(await load({ [name]: content })).toEqual({ epochs: 30, globalCropsScale: [0.3, 1] })
})

test('a file goes over those it extends, lists whole', async () => {
  const options = await load({
    'run.yaml': 'extends: [small.yaml, wide.json]\nepochs: 5\n',
    'small.yaml': 'arch: deit_tiny\nepochs: 9\nglobalCropsScale: [0.3, 1]\n',
    'wide.json': '{ "globalCropsScale": [0.5, 1] }',
  })
  expect(options).toEqual({ arch: 'vit_tiny', epochs: 5, globalCropsScale: [0.5, 1] })
})

test.each([
  ['{ "patchsize": 8 }', /a\.json: there is no setting patchsize\. Did you mean patchSize\?/],
  ['{ "patchSize": "8" }', /a\.json: patchSize: expected a whole number, at least 1, got "8"/],
  ['{ "extends": "gone.json" }', /No config file .*gone\.json \(extended by .*a\.json\)/],
  ['{ "extends": "a.json" }', /a\.json: extends itself/],
  ['[1]', /a\.json: expected an object of settings/],
  ['{', /a\.json: cannot be read: /],
])('%s is refused in one line: %s', async (content, message) => {
  const error: Error = await load({ 'a.json': content }).then(
    () => expect.unreachable(),
    (reason) => reason,
  )
  expect(error.message).toMatch(message)
  expect(error.message).not.toContain('\n')
})

test('a typo in a file that is extended names that file', async () => {
  await expect(load({ 'a.yaml': 'extends: b.yaml\n', 'b.yaml': 'lrr: 1\n' })).rejects.toThrow(
    /b\.yaml: there is no setting lrr\. Did you mean lr\?/,
  )
})

test('a missing file and a format of another kind are refused', async () => {
  await expect(loadConfig(join(folder, 'gone.ts'))).rejects.toThrow(/No config file .*gone\.ts/)
  await expect(load({ 'a.toml': 'lr = 1' })).rejects.toThrow('expected a config file ending in .ts')
})
