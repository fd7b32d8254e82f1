import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { dino, writePhoto, writeTinyVit } from '../inspect/photos.fixture.js'
import { graphPath } from './neighbour-graph.js'
import { readIndex } from './search-index.js'
import '../train/host-backend.js'

// As where the optional dependency was not installed.
vi.mock('node:module', async (original) => {
  const real = await original<typeof import('node:module')>()
  const createRequire = (from: string | URL) => {
    const require = real.createRequire(from)
    const lacking = (name: string) => {
      if (name === 'usearch') throw new Error('Cannot find module usearch')
      return require(name)
    }
    return Object.assign(lacking, require)
  }
  return { ...real, createRequire }
})

let folder: string
const at = (...names: string[]) => join(folder, ...names)
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-search-'))
  await writeTinyVit(at('vit.safetensors'))
  await writePhoto(at('photos/a.png'), { colour: [200, 100, 20], seed: 0 })
})
afterAll(() => rmSync(folder, { recursive: true }))

test('--approximate says what to install, before any work; exact search works', async () => {
  const build = ['search', 'build', at('photos'), at('index'), '--checkpoint', at('vit.safetensors')]
  const { status, stderr } = await dino([...build, '--approximate'])
  expect(stderr).toContain('npm install usearch@2.25.3')
  expect(status).toBe(1)
  expect(existsSync(at('index'))).toBe(false)
  const built = await dino(build)
  expect(built.status, built.stderr).toBe(0)

  // an approximate index that was made elsewhere
  writeFileSync(graphPath(at('index'), (await readIndex(at('index')))!), '')
  const query = ['search', 'query', at('index'), at('photos/a.png')]
  expect((await dino(query)).stderr).toContain('dino search query with --exact')
  expect((await dino([...query, '--exact'])).stdout).toContain('a.png')
})
