import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join } from 'node:path'

/** Environment variables, as in process.env. */
export type Env = Record<string, string | undefined>

/** The Pythons that a person would expect: the active environment's first, then those on the PATH. Absolute paths. */
export function pythons(env: Env): string[] {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
  const active = [env.VIRTUAL_ENV, env.CONDA_PREFIX].filter((prefix) => prefix !== undefined && prefix !== '')
  const found = [
    ...active.map((prefix) => executable(join(prefix!, 'bin', 'python'))),
    ...['python3', 'python'].map((name) => folders.map((folder) => executable(join(folder, name))).find(Boolean)),
  ]
  // In one folder `python` is mostly a link to `python3`; links across folders are how a virtual environment begins.
  const byTarget = new Map(
    found
      .filter((path) => path !== undefined)
      .map((path) => [identity(path), path] as const)
      .reverse(),
  )
  return [...byTarget.values()].reverse()
}

function identity(path: string): string {
  return `${dirname(path)} ${realpathSync(path)}`
}

function executable(path: string): string | undefined {
  // Without Apple's command line tools this one is a stub that opens a dialog.
  const tools = '/Library/Developer/CommandLineTools/usr/bin/python3'
  if (process.platform === 'darwin' && path === '/usr/bin/python3' && !existsSync(tools)) return undefined
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile() ? path : undefined
  } catch {
    return undefined
  }
}

/** What a Python says of itself. */
export interface Python {
  /** Path of the interpreter. */
  path: string
  version: string
  /** pip's version; absent without pip. */
  pip?: string
  /** The TensorFlow that it would import: the package's folder, and its version as the metadata tells it. */
  tensorflow?: { dir: string; version?: string }
}

// find_spec looks, and imports nothing. A folder called tensorflow in the working directory is not meant.
const LOOK = `
import json, sys
sys.path = [p for p in sys.path if p]
from importlib import metadata, util
def version(*names):
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
found = {'version': '.'.join(map(str, sys.version_info[:3]))}
if util.find_spec('pip'):
    found['pip'] = version('pip') or 'unknown'
spec = util.find_spec('tensorflow')
if spec and spec.submodule_search_locations:
    found['tensorflow'] = {
        'dir': list(spec.submodule_search_locations)[0],
        'version': version('tensorflow', 'tensorflow-cpu', 'tensorflow-gpu', 'tensorflow-macos', 'tf-nightly'),
    }
print(json.dumps(found))
`

/** Asks a Python about itself, without importing anything of note; undefined if it does not answer (Python 2, in 10 s). */
export function askPython(path: string, env: Env): Promise<Python | undefined> {
  return new Promise((done) => {
    const options = { env: env as NodeJS.ProcessEnv, timeout: 10_000, encoding: 'utf8' as const }
    execFile(path, ['-c', LOOK], options, (error, stdout) => {
      const line = stdout?.trim().split('\n').at(-1)
      if (error || !line) return done(undefined)
      try {
        const found = JSON.parse(line, (_, value) => value ?? undefined)
        done({ path, ...found })
      } catch {
        done(undefined)
      }
    })
  })
}

/** The Pythons that findEngine and installEngine would ask, in their order. */
export async function listPythons({ env = process.env }: { env?: Env } = {}): Promise<Python[]> {
  const answers = await Promise.all(pythons(env).map((path) => askPython(path, env)))
  return answers.filter((python) => python !== undefined)
}
