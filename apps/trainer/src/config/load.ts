import { existsSync } from 'node:fs'
import { dirname, extname, relative, resolve } from 'node:path'
import { loadConfig as loadWithC12 } from 'c12'
import { Failure } from '../report/io.js'
import { type Key, refusal, renamedArch } from './fields.js'
import { nearest } from './nearest.js'
import { type TrainOptions, trainConfig } from './schema.js'

const extensions = ['.ts', '.mts', '.js', '.mjs', '.json', '.yaml', '.yml']

/** A config file may start from others: `extends` names files beside it, a later one wins, the file itself last. */
export async function loadConfig(path: string): Promise<TrainOptions> {
  return load(resolve(path), [])
}

async function load(path: string, above: readonly string[]): Promise<TrainOptions> {
  const name = relative(process.cwd(), path) || path
  const from = above.length > 0 ? ` (extended by ${relative(process.cwd(), above.at(-1)!)})` : ''
  if (above.includes(path)) throw new Failure(`${name}: extends itself. Remove one of the extends.`, 2)
  if (!existsSync(path)) throw new Failure(`No config file ${name}${from}. Write the name out, with its extension.`, 2)
  if (!extensions.includes(extname(path))) {
    throw new Failure(`${name}: expected a config file ending in ${extensions.join(', ')}`, 2)
  }

  const content = await read(path, name)
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new Failure(
      `${name}: expected an object of settings${/[jt]s$/.test(path) ? ' as the default export' : ''}`,
      2,
    )
  }
  const { extends: bases = [], ...settings } = content as Record<string, unknown>
  let options: TrainOptions = {}
  for (const base of Array.isArray(bases) ? bases : [bases]) {
    if (typeof base !== 'string')
      throw new Failure(`${name}: extends: expected file names, got ${JSON.stringify(base)}`, 2)
    options = { ...options, ...(await load(resolve(dirname(path), base), [...above, path])) }
  }
  return { ...options, ...checkOptions(settings, name) }
}

async function read(path: string, name: string): Promise<unknown> {
  try {
    const { layers } = await loadWithC12({
      cwd: dirname(path),
      configFile: path,
      extend: false,
      giget: false,
      rcFile: false,
      globalRc: false,
      packageJson: false,
      dotenv: false,
      envName: false,
    })
    return layers?.[0]?.config
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error).split('\n')
    throw new Failure(`${name}: cannot be read: ${reason}`, 2, { cause: error })
  }
}

/** The settings of one source, each of a right name and type, else an error that names `source`. */
export function checkOptions(settings: Record<string, unknown>, source: string): TrainOptions {
  const checked: Record<string, unknown> = {}
  for (const [key, given] of Object.entries(settings)) {
    if (given === undefined) continue
    if (!(key in trainConfig.shape)) {
      const meant = nearest(key, Object.keys(trainConfig.shape))
      const hint = meant ? `Did you mean ${meant}?` : '`dino train --help` lists them in kebab-case.'
      throw new Failure(`${source}: there is no setting ${key}. ${hint}`, 2)
    }
    const value = key === 'arch' ? renamedArch(given) : given
    const reason = refusal(key as Key, value)
    if (reason) throw new Failure(`${source}: ${key}: ${reason}`, 2)
    checked[key] = value
  }
  return checked as TrainOptions
}
