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
const text = base85(deflateRawSync(module, { level: 9, memLevel: 9 }))
const source = `/** Made by scripts/build-kernels.mjs from assembly/: a module, packed by DEFLATE, as text: see base85.ts. */
export const kernelsWasm = {
  bytes: ${module.length},
  packed:
    "${text}",
}
`
let before
try {
  before = readFileSync(target, 'utf8')
} catch {}
if (source !== before) writeFileSync(target, source)

/** Undone by src/base85.ts: four bytes are five characters from # on, with a space for the backslash, which would have to be escaped. */
function base85(bytes) {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) {
    let word = 0
    for (let i = at; i < at + 4; i++) word = word * 256 + (bytes[i] ?? 0)
    let five = ''
    for (let i = 0; i < 5; i++) {
      five = String.fromCharCode((word % 85) + 35) + five
      word = Math.floor(word / 85)
    }
    text += five
  }
  return text.replaceAll('\\', ' ')
}
