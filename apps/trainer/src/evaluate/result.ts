import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '@dino/weights/node'
import type { Backbone } from '../inspect/backbone.js'

/**
 * Writes what a command measured, with the settings that it had, as JSON: to `output`, else as NAME.json beside the
 * checkpoint of a run. Beside somebody's weights nothing is written unasked.
 *
 * @returns the file, if one was written
 */
export async function writeResult(
  backbone: Pick<Backbone, 'path' | 'run'>,
  name: string,
  result: object,
  { output }: { output?: string } = {},
): Promise<string | undefined> {
  const file = output ?? (backbone.run ? join(dirname(backbone.path), `${name}.json`) : undefined)
  if (file === undefined) return undefined
  await mkdir(dirname(file), { recursive: true })
  await writeFileAtomic(file, `${JSON.stringify(result, null, 2)}\n`)
  return file
}
