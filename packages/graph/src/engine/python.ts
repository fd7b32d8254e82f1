import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

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
  return [...new Set(found.filter((path) => path !== undefined))]
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

/** A TensorFlow that a Python would import. */
export interface PythonTensorflow {
  python: string
  /** The package's folder. */
  dir: string
  /** As its metadata tells it. */
  version?: string
}

// find_spec looks, and imports nothing. A folder called tensorflow in the working directory is not meant.
const LOOK = `
import importlib.util, json, sys
sys.path = [p for p in sys.path if p]
spec = importlib.util.find_spec('tensorflow')
if spec and spec.submodule_search_locations:
    from importlib import metadata
    version = None
    for name in ('tensorflow', 'tensorflow-cpu', 'tensorflow-gpu', 'tensorflow-macos', 'tensorflow-cpu-aws', 'tf-nightly'):
        try:
            version = metadata.version(name)
            break
        except metadata.PackageNotFoundError:
            pass
    print(json.dumps({'dir': list(spec.submodule_search_locations)[0], **({'version': version} if version else {})}))
`

/** Asks a Python where its TensorFlow is, without importing it; undefined if it has none (or does not answer in time). */
export function pythonTensorflow(python: string, env: Env): Promise<PythonTensorflow | undefined> {
  return new Promise((done) => {
    const options = { env: env as NodeJS.ProcessEnv, timeout: 10_000, encoding: 'utf8' as const }
    execFile(python, ['-c', LOOK], options, (error, stdout) => {
      const line = stdout?.trim().split('\n').at(-1)
      if (error || !line) return done(undefined)
      try {
        done({ python, ...JSON.parse(line) })
      } catch {
        done(undefined)
      }
    })
  })
}
