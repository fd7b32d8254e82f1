// Compiles assembly/ to src/kernels-wasm.ts, which holds the module as text: nothing has to be loaded or copied where it runs.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deflateRawSync } from 'node:zlib'
import asc from 'assemblyscript/asc'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'src', 'kernels-wasm.ts')

let module
const { error, stderr } = await asc.main(
  [
    'assembly/index.ts',
    '--enable',
    'simd',
    '--runtime',
    'stub',
    '--optimizeLevel',
    '3',
    '--shrinkLevel',
    '1',
    '--noAssert',
    '--outFile',
    'kernels.wasm',
  ],
  {
    readFile: (name, base) => {
      try {
        return readFileSync(resolve(root, base, name), 'utf8')
      } catch {
        return null // the compiler tries several places
      }
    },
    writeFile: (_, contents) => {
      module = contents
    },
  },
)
if (error || !module) {
  console.error(stderr.toString())
  console.error(`build-kernels: ${error?.message ?? 'the compiler wrote no module'}`)
  process.exit(1)
}
const text = deflateRawSync(module, { level: 9, memLevel: 9 }).toString('base64')
const source = `/** Made by scripts/build-kernels.mjs from assembly/: a module, packed by DEFLATE, as base64. */
export const kernelsWasm = {
  bytes: ${module.length},
  packed:
    '${text}',
}
`
let before
try {
  before = readFileSync(target, 'utf8')
} catch {}
if (source !== before) writeFileSync(target, source)
