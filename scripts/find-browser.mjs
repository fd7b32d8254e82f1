// Finds a Chromium for the tests of pages, or installs one: `node scripts/find-browser.mjs` prints where it is.
// In order: CHROME_PATH, the PATH, the usual places of macOS, the user's cache, and at last an npm package that carries a Chromium which
// runs on a bare Linux machine, unpacked into the cache. Nothing is taken from anywhere but the npm registry that is set up.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

const PACKAGE = '@sparticuz/chromium'
const VERSION = '153.0.0'
// Of bin/chromium.br in that version: what is run is what was looked at.
const SHA256 = '38e1e1649db20fa4ea644bf5987688ce81a4c9eb10e7eae8380b74fc0d699fea'
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'headless-shell']
const MACOS = ['Google Chrome.app/Contents/MacOS/Google Chrome', 'Chromium.app/Contents/MacOS/Chromium']

/**
 * A browser that the machine has, or a new one.
 *
 * @returns {{ path: string, env: Record<string, string> } | { missing: string }} what to run it with, or why there is none
 */
export function findBrowser(env = process.env) {
  if (env.CHROME_PATH) {
    return runnable(env.CHROME_PATH) && starts(env.CHROME_PATH)
      ? { path: env.CHROME_PATH, env: {} }
      : { missing: `CHROME_PATH is ${env.CHROME_PATH}, which cannot be run` }
  }
  const places = (env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
  if (process.platform === 'darwin') places.push(...MACOS.map((app) => join('/Applications', app)))
  const found = places.find((path) => runnable(path) && starts(path))
  if (found) return { path: found, env: {} }

  if (process.platform !== 'linux' || process.arch !== 'x64')
    return {
      missing: `no Chrome on the PATH, and none to install for ${process.platform} ${process.arch}; set CHROME_PATH`,
    }
  const folder = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'dino', `chromium-${VERSION}`)
  try {
    if (!existsSync(folder)) install(folder)
  } catch (error) {
    return { missing: `no Chrome on the PATH, and ${PACKAGE} could not be installed: ${error.message.split('\n')[0]}` }
  }
  const installed = {
    path: join(folder, 'chromium'),
    env: {
      LD_LIBRARY_PATH: [join(folder, 'al2023', 'lib'), env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
      FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    },
  }
  if (starts(installed.path, installed.env)) return installed
  return { missing: `no Chrome on the PATH, and ${installed.path} does not start: a library is missing that it needs` }
}

/** Unpacked beside its place and then moved there, so that two at once do no harm and half of one is never used. */
function install(folder) {
  mkdirSync(join(folder, '..'), { recursive: true })
  const work = mkdtempSync(`${folder}-`)
  try {
    console.error(`Installing Chromium from ${PACKAGE}@${VERSION} (70 MB, once) …`)
    const flags = [
      '--prefix',
      work,
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--force',
      '--no-save',
      '--omit=optional',
    ]
    execFileSync('npm', ['install', ...flags, `${PACKAGE}@${VERSION}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 180_000,
      cwd: work,
    })
    const bin = join(work, 'node_modules', PACKAGE, 'bin')
    const packed = readFileSync(join(bin, 'chromium.br'))
    if (createHash('sha256').update(packed).digest('hex') !== SHA256) throw new Error('its checksum is another one')
    const ready = join(work, 'ready')
    mkdirSync(ready)
    writeFileSync(join(ready, 'chromium'), brotliDecompressSync(packed), { mode: 0o755 })
    for (const part of ['al2023', 'fonts', 'swiftshader']) {
      const target = join(ready, part)
      mkdirSync(target)
      execFileSync('tar', ['-x', '-C', target], {
        input: brotliDecompressSync(readFileSync(join(bin, `${part}.tar.br`))),
      })
    }
    // The package's own list of font folders is of another machine, and without a font this Chromium ends itself.
    writeFileSync(
      join(ready, 'fonts.conf'),
      `<?xml version="1.0"?>\n<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/font-cache</cachedir></fontconfig>\n`,
    )
    try {
      renameSync(ready, folder)
    } catch (error) {
      if (!existsSync(folder)) throw error // else another process was faster
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Whether it finds the libraries that it needs. */
function starts(path, env = {}) {
  try {
    execFileSync(path, ['--version'], { stdio: 'ignore', timeout: 60_000, env: { ...process.env, ...env } })
    return true
  } catch {
    return false
  }
}

function runnable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const browser = findBrowser()
  if ('missing' in browser) {
    console.error(browser.missing)
    process.exit(1)
  }
  console.log(browser.path)
}
