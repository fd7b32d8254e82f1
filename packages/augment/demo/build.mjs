// Builds the page as one file that needs no server: `npm run demo` in packages/augment, then open demo/dist/index.html.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))

/** The page as HTML, style and script inside. */
export async function page() {
  const { outputFiles } = await build({
    entryPoints: [join(here, 'main.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  })
  const script = outputFiles[0].text.replaceAll('</script', '<\\/script')
  const read = (name) => readFileSync(join(here, name), 'utf8')
  return read('page.html')
    .replace('/* style */', () => read('style.css'))
    .replace('/* script */', () => script)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(here, 'dist'), { recursive: true })
  writeFileSync(join(here, 'dist', 'index.html'), await page())
  console.log(join(here, 'dist', 'index.html'))
}
