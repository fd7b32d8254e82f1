import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { multiCrop } from './index.js'

/** What someone gets who bundles the package as it is built. */
async function bundle(contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
    write: false,
  })
  const imports = Object.values(metafile.inputs).flatMap(({ imports }) => imports)
  return { text: outputFiles[0]!.text, outside: imports.filter(({ external }) => external) }
}

test('multiCrop takes less than 25 kB minified, the module inside, and needs nothing else', async () => {
  const { text, outside } = await bundle("export { multiCrop, kernelsInUse } from './dist/index.js'")
  expect(Buffer.byteLength(text)).toBeLessThan(25_000)
  expect(outside).toEqual([])

  const bundled = await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`)
  const image = { data: Uint8Array.from({ length: 3000 }, (_, i) => (7 * i) % 251), width: 50, height: 20, channels: 3 }
  const views = (crops: typeof multiCrop) => {
    const { plan, apply } = crops({ globalSize: 32, localSize: 16 })
    const hash = createHash('sha256')
    for (const view of apply(image as never, plan({ seed: 3, epoch: 0, sample: 5 }))) hash.update(view)
    return hash.digest('hex')
  }
  expect(views(bundled.multiCrop)).toBe(views(multiCrop))
  expect(bundled.kernelsInUse()).toBe('simd')
})

test('what is not used is left out: a single operation on its own leaves the multi-crop behind', async () => {
  const { text } = await bundle("export { solarize } from './dist/index.js'")
  expect(text.includes('globalScale')).toBe(false)
  const { text: nothing } = await bundle("import './dist/index.js'")
  expect(nothing).toBe('')
})
