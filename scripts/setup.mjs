// All the set-up there is, for a machine with Node >= 20 and nothing else: `node scripts/setup.mjs [--build]`.
// Dependencies are installed when the lockfile changed since the last time; packages are built through turbo's cache.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stampFile = join(root, 'node_modules', '.dino-setup')

const [major] = process.versions.node.split('.').map(Number)
if (major < 20) fail(`Node >= 20 is needed, this is ${process.version}. Install a newer one from https://nodejs.org.`)

const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const stamp = createHash('sha256')
  .update(readFileSync(join(root, 'pnpm-lock.yaml')))
  .update(readFileSync(join(root, 'pnpm-workspace.yaml')))
  .update(`${process.platform}-${process.arch}-${major}`)
  .digest('hex')

if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  console.error(`Installing dependencies with ${packageManager} (first run or changed lockfile) …`)
  run('npx', ['--yes', packageManager, 'install', '--frozen-lockfile'])
  writeFileSync(stampFile, stamp)
}

if (process.argv.includes('--build')) {
  // Quiet when all is well: turbo prints the log of a task only if it fails.
  run(
    join(root, 'node_modules', '.bin', 'turbo'),
    ['run', 'build', '--output-logs=errors-only', '--log-prefix=none'],
    'ignore-ok',
  )
}

function run(command, args, mode) {
  const quiet = mode === 'ignore-ok'
  const path = `${join(root, 'node_modules', '.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (error) fail(`Could not run ${command}: ${error.message}`)
  if (status !== 0) {
    if (quiet) console.error(stdout + stderr)
    fail(`\`${command} ${args.join(' ')}\` failed with code ${status}.`)
  }
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
