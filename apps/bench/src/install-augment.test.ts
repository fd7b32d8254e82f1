import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findBrowser } from '../../../scripts/find-browser.mjs'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }) // packing, installing, a browser, on a busy machine

const root = fileURLToPath(new URL('../../..', import.meta.url))
const browser = findBrowser()
if (browser.missing !== undefined) console.warn(`SKIPPED, the packed @dino/augment in a browser: ${browser.missing}.`)

let project: string
/** What the README's example makes, as numbers that tell any change of a byte. */
let inNode: unknown

/** The README's first example, as JavaScript, that leaves a digest of what it made in `globalThis.made`. */
function example(): string {
  const readme = readFileSync(join(project, 'node_modules', '@dino', 'augment', 'README.md'), 'utf8')
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  if (!code) throw new Error('The README of @dino/augment has no example in TypeScript.')
  const digest = 'all.map((bytes) => bytes.reduce((sum, byte, i) => (sum * 31 + byte + i) % 1000003, bytes.length))'
  return `${code.replaceAll(' as const', '')}
const all = [...views, view.data]
globalThis.made = ${digest}`
}

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'dino-install-augment-'))
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'someone', private: true, type: 'module' }))
  const pnpm = join(root, 'node_modules', '.bin', 'pnpm')
  execute(pnpm, ['pack', '--pack-destination', project], join(root, 'packages', 'augment'))
  const tarball = readdirSync(project).find((file) => file.endsWith('.tgz'))!
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--legacy-peer-deps']
  execute('npm', ['install', ...flags, `./${tarball}`, 'vite@8.3.8'])
  writeFileSync(join(project, 'main.js'), example())
  writeFileSync(join(project, 'node.js'), `import './main.js'\nconsole.log(JSON.stringify(globalThis.made))`)
  inNode = JSON.parse(execute(process.execPath, ['node.js']))
})

afterAll(() => {
  if (project) rmSync(project, { recursive: true, force: true })
})

test("the README's example runs in Node, without sharp", () => {
  expect(inNode).toHaveLength(9) // two global views, six local ones, one of the pipeline
  expect(readdirSync(join(project, 'node_modules'))).not.toContain('sharp')
})

test.skipIf(browser.missing !== undefined)("and after a Vite build in a page, to Node's bytes", async () => {
  if (browser.missing !== undefined) return
  writeFileSync(join(project, 'index.html'), '<!doctype html><script type="module" src="/main.js"></script>')
  execute(process.execPath, [join('node_modules', 'vite', 'bin', 'vite.js'), 'build', '--base', './'])
  const assets = join(project, 'dist', 'assets')
  const scripts = readdirSync(assets).filter((file) => file.endsWith('.js'))
  expect(scripts).toHaveLength(1)
  // A page from a file may not load a module from a file: the script goes into the page.
  const script = readFileSync(join(assets, scripts[0]!), 'utf8').replaceAll('</script', '<\\/script')
  writeFileSync(join(project, 'built.html'), `<!doctype html><script type="module">${script}</script>`)

  const launched = await chromium.launch({
    executablePath: browser.path,
    env: { ...(process.env as Record<string, string>), ...browser.env },
    args: ['--disable-gpu', '--disable-dev-shm-usage'],
    timeout: 180_000,
  })
  try {
    const page = await launched.newPage()
    const problems: string[] = []
    page.on('pageerror', ({ message }) => problems.push(message))
    await page.goto(pathToFileURL(join(project, 'built.html')).href)
    await page.waitForFunction(() => 'made' in globalThis, undefined, { timeout: 180_000 })
    expect(await page.evaluate(() => (globalThis as { made?: unknown }).made)).toEqual(inNode)
    expect(problems).toEqual([])
  } finally {
    await launched.close()
  }
})

function execute(command: string, args: string[], cwd = project): string {
  // Under npm and pnpm, the environment says which project is meant: not this one.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^npm_(package|lifecycle|config_local)/.test(key)),
  )
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
