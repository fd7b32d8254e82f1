// Compiles assembly/ to src/products-wasm.ts, which holds the module as text: nothing has to be loaded or copied where it runs.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'src', 'products-wasm.ts')

let module
const options = '--enable simd --runtime stub --optimizeLevel 3 --shrinkLevel 0 --noAssert'.split(' ')
const { error, stderr } = await asc.main(['assembly/index.ts', ...options, '--outFile', 'products.wasm'], {
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
})
if (error || !module) {
  console.error(stderr.toString())
  console.error(`build-products: ${error?.message ?? 'the compiler wrote no module'}`)
  process.exit(1)
}
const text = Buffer.from(module).toString('base64')
const source = `/** Made by scripts/build-products.mjs from assembly/: a module of ${module.length} bytes, as base64. */
export const productsWasm =
  '${text}'
`
let before
try {
  before = readFileSync(target, 'utf8')
} catch {}
if (source !== before) writeFileSync(target, source)
