import { spawn } from 'node:child_process'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, formatBytes, WAYS_OUT } from './error.js'
import type { OnProgress } from './progress.js'
import { type Env, pythons } from './python.js'
import { type Release, type Wheel, wheelsOf } from './release.js'

const POLL_MS = 200

/**
 * Fetches a wheel of a release by `pip download`, so that the user's index, proxy and certificates are used.
 *
 * @param folder an empty folder; all that pip writes stays inside it
 * @returns the wheel's path
 */
export async function downloadWheel(
  release: Release,
  wheel: Wheel,
  folder: string,
  env: Env,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<string> {
  const candidates = pythons(env)
  if (candidates.length === 0) {
    throw new EngineError(
      'no-python',
      `The TensorFlow engine ${release.version} is not on this machine, and fetching it needs Python 3 with pip: there is no ` +
        `python3 or python on the PATH. Install it (Debian, Ubuntu: \`apt install python3-pip\`). Or: ${WAYS_OUT}`,
    )
  }
  const downloads = join(folder, 'wheel')
  const temporary = join(folder, 'tmp')
  await Promise.all([mkdir(downloads, { recursive: true }), mkdir(temporary, { recursive: true })])

  for (const python of candidates) {
    const args = pipArguments(release, wheel, downloads)
    const stop = watch([downloads, temporary], wheel.wheelBytes, onProgress)
    const { code, lines } = await run(python, args, { ...env, ...pipEnvironment(temporary) }, signal, (line) => {
      if (/^\s*(WARNING: Retrying|Collecting|Downloading)/.test(line)) {
        onProgress({ phase: 'downloading', total: wheel.wheelBytes, message: shorten(line) })
      }
    }).finally(stop)
    signal?.throwIfAborted()
    if (lines.some((line) => /No module named '?"?pip\b/.test(line))) continue
    if (code !== 0) throw failure(python, args, code, lines, release, wheel)

    const wheels = (await readdir(downloads)).filter((name) => name.endsWith('.whl'))
    if (wheels.length !== 1) {
      const got = wheels.join(', ') || 'no wheel'
      throw new EngineError(
        'download-failed',
        `\`${python} ${args.join(' ')}\` left ${got}; one wheel was expected. ${WAYS_OUT}`,
      )
    }
    return join(downloads, wheels[0])
  }
  throw new EngineError(
    'no-pip',
    `The TensorFlow engine ${release.version} is not on this machine, and fetching it needs pip, which ` +
      `${candidates.join(' and ')} lacks. Install it (Debian, Ubuntu: \`apt install python3-pip\`; elsewhere ` +
      `\`${candidates[0]} -m ensurepip\`). Or: ${WAYS_OUT}`,
  )
}

function pipArguments(release: Release, wheel: Wheel, downloads: string): string[] {
  return [
    ...['-m', 'pip', 'download', `${wheel.distribution}==${wheel.version}`, '--no-deps', '--only-binary=:all:'],
    ...['--python-version', release.pythonVersion, '--implementation', 'cp', '--abi', release.pythonTag],
    // Our cache is the cache: pip's would hold the same again.
    ...['--platform', wheel.platformTag, '--no-cache-dir', '--progress-bar', 'off', '--dest', downloads],
  ]
}

function pipEnvironment(temporary: string): Env {
  return {
    TMPDIR: temporary,
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
    PIP_REQUIRE_VIRTUALENV: '0', // Nothing is installed, so the user's guard against that does not apply.
    PYTHONUNBUFFERED: '1',
  }
}

/** Runs a command; its output line by line. It ends with this process, unless a signal kills that one alone. */
function run(
  command: string,
  args: string[],
  env: Env,
  signal: AbortSignal | undefined,
  onLine: (line: string) => void,
) {
  return new Promise<{ code: number | null; lines: string[] }>((done, fail) => {
    const child = spawn(command, args, { env: env as NodeJS.ProcessEnv, stdio: ['ignore', 'pipe', 'pipe'] })
    const kill = () => child.kill()
    process.once('exit', kill)
    signal?.addEventListener('abort', kill)
    if (signal?.aborted) kill()
    const lines: string[] = []
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8').on('data', (text: string) => {
        const parts = (rest + text).split(/[\r\n]+/)
        rest = parts.pop()!
        for (const line of parts.filter((part) => part.trim())) {
          lines.push(line)
          onLine(line)
        }
      })
      stream.on('end', () => rest.trim() && lines.push(rest))
    }
    child.on('error', fail)
    child.on('close', (code) => {
      process.off('exit', kill)
      signal?.removeEventListener('abort', kill)
      done({ code, lines })
    })
  })
}

/** pip shows no bar in a pipe, so the growing file is watched: first below TMPDIR, then copied to its destination. */
function watch(folders: string[], total: number, onProgress: OnProgress): () => void {
  let received = 0
  let busy = false
  const timer = setInterval(async () => {
    if (busy) return
    busy = true
    const sizes = await Promise.all(folders.map(largestFile))
    const now = Math.min(Math.max(...sizes), total)
    if (now > received) onProgress({ phase: 'downloading', received: (received = now), total })
    busy = false
  }, POLL_MS)
  return () => clearInterval(timer)
}

async function largestFile(folder: string): Promise<number> {
  try {
    const names = await readdir(folder, { recursive: true })
    const sizes = names.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => undefined)
      return found?.isFile() ? found.size : 0
    })
    return Math.max(0, ...(await Promise.all(sizes)))
  } catch {
    return 0 // pip removes its folders while we look.
  }
}

const NETWORK =
  /NewConnectionError|ConnectTimeout|ReadTimeout|Connection(Error| broken| reset)|ProxyError|SSLError|name resolution/i

/** pip's own words, with what to do about them. */
function failure(
  python: string,
  args: string[],
  code: number | null,
  lines: string[],
  release: Release,
  wheel: Wheel,
): EngineError {
  const command = `${python} ${args.slice(0, 4).join(' ')}`
  const errors = lines.filter((line) => line.startsWith('ERROR:'))
  const full = lines.map((line) => /No space left on device|Disk quota exceeded/i.exec(line)?.[0]).find(Boolean)
  if (full) return diskFull(release, `pip: ${full}`)
  // "No matching distribution" is what pip says at last, also when it never reached the index.
  const unreachable = lines.findLast((line) => NETWORK.test(line))
  const said = shorten(unreachable ?? errors.at(-1) ?? lines.findLast((line) => !/^\[notice\]/.test(line)) ?? 'nothing')
  const advice = unreachable
    ? "Is there a network? pip's proxy, index and certificates are taken from its own configuration."
    : `Does your package index have this version for Python ${release.pythonVersion} on ${wheel.platformTag}?`
  return new EngineError(
    'download-failed',
    `Fetching the TensorFlow engine failed: \`${command} …\` ended with ${code === null ? 'a signal' : `code ${code}`}; ` +
      `pip said: ${said} ${advice} Without a download: ${WAYS_OUT}`,
  )
}

/** What the disk must hold while installing: a wheel twice (pip copies it), or it and its libraries, beside those unpacked before. */
export function neededBytes(release: Release): number {
  let before = 0
  let most = 0
  for (const { wheelBytes, unpackedBytes } of wheelsOf(release)) {
    most = Math.max(most, before + wheelBytes + Math.max(wheelBytes, unpackedBytes))
    before += unpackedBytes
  }
  return most
}

/** Bytes that a release takes once it is installed. */
export function unpackedBytes(release: Release): number {
  return wheelsOf(release).reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0)
}

export function diskFull(release: Release, where: string, cause?: unknown): EngineError {
  return new EngineError(
    'disk-full',
    `The disk is full (${where}). Installing the TensorFlow engine takes ${formatBytes(neededBytes(release))} while it is ` +
      `unpacked and ${formatBytes(unpackedBytes(release))} afterwards; nothing was left behind. Free some space, or set ` +
      `XDG_CACHE_HOME to a folder on a larger disk. Or: ${WAYS_OUT}`,
    { cause },
  )
}

/** A line of pip without its tag, addresses of objects and excess: at most 200 characters. */
function shorten(line: string): string {
  const cause = /'(\w+)\(.*?>?: ?(Failed to [^']*|[^']*)'\)': (\S+)/.exec(line)
  const plain = cause
    ? `${cause[2].trim()}${cause[3] ? ` (${cause[3]})` : ''}`
    : line.replace(/^\s*(ERROR|WARNING): /, '').trim()
  const text = plain.length > 200 ? `${plain.slice(0, 199)}…` : plain
  return /[.!?…]$/.test(text) ? text : `${text}.`
}
