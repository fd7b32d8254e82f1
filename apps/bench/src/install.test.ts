import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const minutes = 60_000
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

test('the tarball of @dino/augment works in an empty project', { timeout: 5 * minutes }, () => {
  const project = install('augment')
  const script = `
    import { multiCrop, resize } from '@dino/augment'
    const gray = { data: new Uint8Array(40 * 30 * 3).fill(7), width: 40, height: 30, channels: 3 }
    const small = resize(gray, { width: 8, height: 6 })
    const crops = multiCrop({ globalSize: 16, localSize: 8, localCrops: 3 })
    const views = crops.apply(gray, crops.plan({ seed: 0, epoch: 0, sample: 5 }))
    console.log(JSON.stringify([small.data.every((level) => level === 7), views.map((view) => view.length)]))`
  expect(run(project, script)).toEqual([true, [768, 768, 192, 192, 192]])
  expect(typeErrors(project, 'augment')).toBe('')
})

test('the tarball of @dino/loss works in an empty project', { timeout: 5 * minutes }, () => {
  const project = install('loss')
  const script = `
    import * as tf from '@tensorflow/tfjs'
    import { selfDistillation, updateCenter } from '@dino/loss'
    const teacher = tf.ones([2 * 3, 64])
    const loss = selfDistillation(tf.zeros([10 * 3, 64]), teacher, tf.zeros([1, 64]))
    const center = updateCenter(tf.zeros([1, 64]), teacher, { momentum: 0.9 })
    console.log(JSON.stringify([loss.dataSync()[0], center.dataSync()[0]]))`
  const [loss, center] = run(project, script) as [number, number]
  expect(loss).toBeCloseTo(Math.log(64), 5)
  expect(center).toBeCloseTo(0.1, 6)
  expect(typeErrors(project, 'loss')).toBe('')
})

test('the tarball of @dino/vit works in an empty project', { timeout: 5 * minutes }, () => {
  const project = install('vit')
  const script = `
    import * as tf from '@tensorflow/tfjs'
    import * as vit from '@dino/vit'
    const small = { imgSize: 16, patchSize: 8, embedDim: 12, depth: 2, numHeads: 3 }
    const images = tf.zeros([2, 24, 16, 3])
    const params = vit.init(small, 0)
    const attention = vit.lastAttention(small, params, images)
    console.log(JSON.stringify([vit.apply(small, params, images).shape, tf.sum(attention).dataSync()[0]]))`
  const [shape, sum] = run(project, script) as [number[], number]
  expect(shape).toEqual([2, 12])
  expect(sum).toBeCloseTo(2 * 3 * 7, 3) // each of the 7 tokens of 2 images and 3 heads gives its attention out whole
  expect(typeErrors(project, 'vit')).toBe('')
})

/** Packs a package and installs it with npm as its README says, in a new project outside the workspace. */
function install(name: string): string {
  const project = mkdtempSync(join(tmpdir(), `dino-install-${name}-`))
  folders.push(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'someone', private: true, type: 'module' }))
  execute(
    join(root, 'node_modules', '.bin', 'pnpm'),
    ['pack', '--pack-destination', project],
    join(root, 'packages', name),
  )
  const tarball = readdirSync(project).find((file) => file.endsWith('.tgz'))!
  const readme = readFileSync(join(root, 'packages', name, 'README.md'), 'utf8')
  const line = /^ *npm install (.*)$/m.exec(readme)?.[1]
  if (!line) throw new Error(`The README of @dino/${name} does not say how to install it.`)
  const wanted = line.split(' ').map((spec) => (spec === `@dino/${name}` ? `./${tarball}` : spec))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  execute('npm', ['install', ...flags, ...wanted, 'typescript@6.0.3'], project)
  const installed = readdirSync(join(project, 'node_modules', '@dino', name))
  expect(installed.sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json'])
  return project
}

/** What a script prints, in a process of its own. */
function run(project: string, script: string): unknown {
  writeFileSync(join(project, 'try.mjs'), script)
  return JSON.parse(execute(process.execPath, ['try.mjs'], project).trim().split('\n').at(-1)!)
}

/** The complaints of tsc about the README's example, against the types in the tarball. */
function typeErrors(project: string, name: string): string {
  const readme = readFileSync(join(project, 'node_modules', '@dino', name, 'README.md'), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  if (!example) throw new Error(`The README of @dino/${name} has no example in TypeScript.`)
  const folder = join(project, 'types')
  mkdirSync(folder)
  writeFileSync(join(folder, 'example.ts'), example)
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'NodeNext',
    target: 'ES2022',
    types: [],
    skipLibCheck: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['.'] }))
  try {
    execute(join(project, 'node_modules', '.bin', 'tsc'), ['-p', 'types'], project)
    return ''
  } catch (error) {
    return String((error as { stdout?: string }).stdout ?? error)
  }
}

function execute(command: string, args: string[], cwd: string): string {
  // Under npm and pnpm, the environment says which project is meant: not this one.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^npm_(package|lifecycle|config_local)/.test(key)),
  )
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
