import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../report/io.js'
import { checkOptions } from './load.js'
import { type TrainConfig, trainConfig } from './schema.js'

/** The settings of the run in `folder`, as `dino train` wrote them there; undefined if it holds no run. */
export async function savedConfig(folder: string): Promise<TrainConfig | undefined> {
  const path = join(folder, 'config.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  let settings: Record<string, unknown>
  try {
    settings = JSON.parse(text)
  } catch (error) {
    throw new Failure(`${path}: not JSON. Was it edited by hand?`, 2, { cause: error })
  }
  if (typeof settings !== 'object' || settings === null)
    throw new Failure(`${path}: expected an object of settings.`, 2)
  const { success, data } = trainConfig.safeParse(settings)
  if (success) return data
  checkOptions(settings, path)
  const missing = Object.entries(trainConfig.shape).filter(([key, type]) => !type.safeParse(settings[key]).success)
  throw new Failure(`${path}: lacks ${missing.map(([key]) => key).join(', ')}. Was it written by another version?`, 2)
}
