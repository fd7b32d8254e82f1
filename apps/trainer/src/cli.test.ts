import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

// The built command, as a person runs it.
const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

vi.setConfig({ testTimeout: 60_000 }) // processes start slowly on a busy machine

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-cli-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function dino(line: string, env: Record<string, string> = {}) {
  const args = line === '' ? [] : line.split(' ')
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe('help', () => {
  test.each(['', '--help', 'train --help', 'eval knn --help', 'demo -h'])(
    'dino %s loads neither TensorFlow nor sharp',
    (line) => {
      const { status, stdout, stderr } = dino(line, { NODE_V8_COVERAGE: join(folder, 'loaded') })
      expect(stdout).toContain('USAGE')
      expect(stderr).toBe('')
      expect(status).toBe(0)

      const [report] = readdirSync(join(folder, 'loaded'))
      const { result } = JSON.parse(readFileSync(join(folder, 'loaded', report!), 'utf8')) as {
        result: { url: string }[]
      }
      const heavy = result.map(({ url }) => url).filter((url) => /tensorflow|tfjs|sharp|koffi|c12|cli-table3/.test(url))
      expect(heavy).toEqual([])
    },
  )

  test('tells every flag with its default', () => {
    const { stdout } = dino('train --help')
    expect(stdout).toMatch(/--patch-size N .*\[16\]/)
    expect(stdout).toMatch(/--global-crops-scale N N .*\n?.*\[0\.4,1\]/)
  })
})

test('dino --version prints the version of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(dino('--version').stdout).toBe(`${version}\n`)
})

describe('bad usage exits with 2 and says in one line what to do', () => {
  test.each([
    ['trian', 'There is no command trian. Did you mean train?'],
    ['train --patch-sise 8', 'There is no flag --patch-sise. Did you mean --patch-size?'],
    ['train --patch-size abc', '--patch-size: expected a whole number, at least 1, got "abc"'],
    ['train --lr -1', '--lr: expected a number, above 0, got -1'],
    ['train --lr 1 --lr 2', '--lr is given twice: 1 and 2'],
    [
      'train --arch xcit_small_12_p16',
      '--arch: xcit_small_12_p16 does not train here yet; use one of vit_tiny, vit_small, vit_base',
    ],
    [
      'train --data x --recipe byol --student-temp 0.2',
      '--student-temp 0.2 does nothing with --loss mse: it compares vectors, and only distributions have these temperatures. Leave it out.',
    ],
    ['train --use_fp16 true', '--use_fp16 true is not supported: training is in float32. Leave it out.'],
    ['train --recipe papr-800', 'There is no recipe papr-800. Did you mean paper-800?'],
    ['train', '--data is missing: the folder (or glob) of images to train on, as in --data ./photos.'],
    ['train --data', '--data needs a value. Add --help for examples.'],
    ['train --data x --config gone.ts', 'No config file gone.ts. Write the name out, with its extension.'],
    ['train --resume --output-dir gone', '--resume: gone holds no run. Leave --resume out to start one there.'],
    ['train x', 'Unexpected "x". Do you mean a flag? Add --help for the list.'],
    ['train -x', 'There is no flag -x. Add --help for the list.'],
    ['recipes nothing-like-it', 'There is no recipe nothing-like-it. There are vits16-100ep, '],
    ['eval knn run --data x --network techer', '--network: expected one of teacher, student, got "techer"'],
    ['eval knn run --data x --k 10 0', '--k: expected a whole number, at least 1, got "0"'],
    ['demo --steps none', '--steps: expected a whole number, at least 1, got "none"'],
  ])('dino %s', (line, message) => {
    const { status, stdout, stderr } = dino(line)
    expect(stderr.split('\n')[0]).toContain(message)
    expect(stderr.trimEnd()).not.toContain('\n')
    expect(stdout).toBe('')
    expect(status).toBe(2)
  })

  test.each([
    ['a.json', '{ "patchsize": 8 }', 'a.json: there is no setting patchsize. Did you mean patchSize?'],
    ['a.yaml', 'epochs: many', 'a.yaml: epochs: expected a whole number, at least 1, got "many"'],
    ['a.ts', 'export default { epochs: 5 as number }', '--warmup-epochs 10 is longer than --epochs 5'],
  ])('a config file %s with %s', (name, content, message) => {
    writeFileSync(join(folder, name), content)
    const { status, stderr } = dino(`train --data x --config ${name}`)
    expect(stderr).toContain(message)
    expect(stderr.trimEnd()).not.toContain('\n')
    expect(status).toBe(2)
  })
})

describe('data that cannot be trained on is refused in one line, before an engine is looked for', () => {
  const refused = (line: string) => {
    const { status, stdout, stderr } = dino(line)
    expect(stdout).toBe('')
    expect(stderr.trimEnd()).not.toContain('\n')
    return { status, stderr }
  }

  test('a folder that is not there', () => {
    expect(refused('train --data gone')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('there is no gone'),
    })
  })

  test('an empty folder, and one of text files', () => {
    mkdirSync(join(folder, 'empty'))
    expect(refused('train --data empty')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no images in empty'),
    })
    writeFileSync(join(folder, 'empty', 'a.txt'), 'no picture')
    expect(refused('train --data empty').stderr).toContain('.txt')
  })

  test('fewer images than a batch', () => {
    mkdirSync(join(folder, 'few'))
    writeFileSync(join(folder, 'few', 'a.png'), '')
    expect(refused('train --data few')).toEqual({
      status: 2,
      stderr: '--batch-size 64 is larger than the data set: few has 1 image. Use --batch-size 1 or less.\n',
    })
  })

  test('a checkpoint that is none', () => {
    writeFileSync(join(folder, 'a.safetensors'), 'no checkpoint at all')
    writeFileSync(join(folder, 'a.png'), '')
    expect(refused('extract a.safetensors --data .').stderr).toContain('a.safetensors')
    expect(refused('extract gone --data .').stderr).toContain('gone')
  })
})

describe('dino train --print-config', () => {
  const config = (line: string) => {
    const { status, stdout } = dino(`train --data photos --print-config ${line}`)
    expect(status).toBe(0)
    return JSON.parse(stdout)
  }

  test('shows recipe, config file and flags in that order of strength', () => {
    writeFileSync(join(folder, 'run.yaml'), 'recipe: demo\nlr: 0.001\nepochs: 20\n')
    expect(config('--config run.yaml --epochs 30')).toMatchObject({
      recipe: 'demo',
      outDim: 512,
      lr: 0.001,
      epochs: 30,
    })
  })

  test("takes the reference's command line", () => {
    const line =
      '--arch deit_tiny --batch_size_per_gpu 32 --norm_last_layer off --global_crops_scale 0.14 1 --local_crops_number 0 --use_fp16 false'
    expect(config(line)).toMatchObject({
      arch: 'vit_tiny',
      batchSize: 32,
      normLastLayer: false,
      globalCropsScale: [0.14, 1],
      localCropsNumber: 0,
    })
  })

  test('is a config file itself', () => {
    const first = config('--recipe paper-800 --seed 3')
    writeFileSync(join(folder, 'again.json'), JSON.stringify(first))
    expect(config('--config again.json')).toEqual(first)
  })
})

describe('dino recipes', () => {
  test('lists them', () => {
    expect(dino('recipes').stdout).toMatch(/vits16-100ep .*\n.*vits16-300ep /)
  })

  test('shows one with source, expected result and what differs', () => {
    const { stdout, status } = dino('recipes vits16-300ep')
    expect(stdout).toContain('Source  facebookresearch/dino')
    expect(stdout).toContain('k-NN 73.3 %')
    expect(stdout).toMatch(/--teacher-temp +0\.07 +0\.04/)
    expect(status).toBe(0)
  })

  test('--json prints JSON', () => {
    expect(JSON.parse(dino('recipes demo --json').stdout)).toMatchObject({ name: 'demo', settings: { outDim: 512 } })
  })
})

test('completion proposes commands, flags and values', () => {
  expect(dino('__complete tr').stdout).toBe('train\n')
  expect(dino('__complete train --arch v').stdout).toBe('vit_tiny\nvit_small\nvit_base\n')
  expect(dino('__complete train --recipe pa').stdout).toBe('paper-800\n')
  expect(dino('__complete recipes de').stdout).toBe('demo\n')
  expect(dino('completion --shell fish').stdout).toContain('complete -c dino')
})

test('a reader that leaves early is no error', () => {
  const { stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${cli}" train --help | head -1`], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
})
