import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure } from '../report/io.js'

/** Makes a folder that is there whole or not at all: `write` fills one beside it, which then takes the name. */
export async function writeNewFolder(folder: string, write: (made: string) => Promise<void>): Promise<void> {
  const target = resolve(folder)
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new Failure(`--output: ${folder} is not empty. Give a new folder; nothing was written.`, 2)
  const made = join(dirname(target), `.${basename(target)}-${randomUUID()}`)
  await mkdir(made, { recursive: true }) // not mkdtemp, whose folders nobody else may read: a web server has to
  try {
    await write(made)
    if (existsSync(target)) await rmdir(target)
    await rename(made, target)
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    throw error
  }
}

export function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
