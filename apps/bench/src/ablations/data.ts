import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { imagesOf, writeEmojiFolders } from '@dino/trainer'
import { Failure } from '../failure.js'
import type { Scale } from './scale.js'

/** The images of a bench: a run's result depends on them, so its key does. */
export interface Data {
  /** Folder with train/ and val/. */
  folder: string
  /** For people. */
  name: string
  /** Images to train on, and to score. */
  train: number
  val: number
  /** Of names and sizes of files: two sets of the same names differ. */
  digest: string
}

/** Files of a set whose sizes are looked at, evenly spread: a million would take a while. */
const MOST_SIZES = 10_000

/** What `--data` names, or the embedded objects, written once. @throws Failure where there is none of the right form */
export async function dataOf(
  { data }: { data?: string },
  scale: Scale,
  out: string,
  stderr: { write(text: string): unknown },
): Promise<Data> {
  if (data === undefined) {
    if (scale.data !== 'emoji') {
      throw new Failure(
        `--data is missing: at scale ${scale.name} a folder with train/ and val/, one sub-folder a class.`,
        2,
      )
    }
    const folder = join(out, 'data')
    if (!existsSync(folder)) stderr.write('Writing the embedded data set …\n')
    return described(await writeEmojiFolders(folder), 'the embedded objects')
  }
  const missing = ['train', 'val'].filter((part) => !existsSync(join(data, part)))
  if (missing.length > 0) {
    throw new Failure(
      `--data ${data}: ${missing.join('/ and ')}/ missing. Expected\n  ${data}/train/CLASS/*.png\n  ${data}/val/CLASS/*.png`,
      2,
    )
  }
  return described(resolve(data), basename(resolve(data)))
}

async function described(folder: string, name: string): Promise<Data> {
  const [train, val] = [await listed(join(folder, 'train')), await listed(join(folder, 'val'))]
  const digest = createHash('sha256').update(`${train.digest}${val.digest}`).digest('hex').slice(0, 12)
  return { folder, name, train: train.count, val: val.count, digest }
}

async function listed(folder: string): Promise<{ count: number; digest: string }> {
  const images = await imagesOf(folder)
  const hash = createHash('sha256').update(images.digest)
  const stride = Math.ceil(images.count / MOST_SIZES)
  for (let i = 0; i < images.count; i += stride) {
    const sample = images.sample(i)
    if ('path' in sample) hash.update(`${(await stat(sample.path)).size}\n`)
  }
  return { count: images.count, digest: hash.digest('hex') }
}
