import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { wrongLayout } from '../layout.js'

/** Images that were all altered in one way. */
export interface CopyBlock {
  /** Its folder: `strong`, `jpegqual/3`. */
  name: string
  /** Below the root of the data set. */
  files: string[]
  /** For each file the originals that it was made from: places in `originals`. */
  truth: number[][]
}

export interface Copydays {
  /** Below the root. */
  originals: string[]
  blocks: CopyBlock[]
}

/** Digits of a name that a copy shares with its original. */
const GROUP = 4

/**
 * The layout that Copydays is distributed in. Of the ways of altering, `strong` has to be there; the grades of `jpegqual` and `crops` are taken
 * where they are.
 *
 * Reference: `CopydaysDataset` in eval_copy_detection.py, which pairs the files of all but `strong` by their place; their names say the same.
 */
export function openCopydays(root: string): Copydays {
  const wrong = (problem: string) =>
    wrongLayout(root, problem, 'Copydays', [
      ['original/200000.jpg …', 'originals'],
      ['strong/200001.jpg …', 'altered; the first four digits are those of the original'],
      ['jpegqual/3/200000.jpg …', 'compressed to that quality (may be left out)'],
      ['crops/10/200000.jpg …', 'cut by that many percent (may be left out)'],
    ])
  const files = (folder: string) => {
    const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []
    return names.filter((name) => /\.jpe?g$/i.test(name)).sort()
  }
  const originals = files('original')
  if (originals.length === 0) throw wrong('original/ holds no .jpg.')
  const grades = ['jpegqual', 'crops'].flatMap((kind) => {
    const folders = existsSync(join(root, kind)) ? readdirSync(join(root, kind)) : []
    return folders
      .filter((grade) => /^\d+$/.test(grade))
      .sort((a, b) => Number(a) - Number(b))
      .map((grade) => `${kind}/${grade}`)
  })
  const blocks = ['strong', ...grades].map((name) => {
    const names = files(name)
    const truth = names.map((copy) => {
      return [...originals.keys()].filter((i) => originals[i]!.slice(0, GROUP) === copy.slice(0, GROUP))
    })
    const orphan = truth.findIndex((rows) => rows.length === 0)
    if (orphan >= 0) throw wrong(`${name}/${names[orphan]} has no original that begins like it.`)
    return { name, files: names.map((file) => `${name}/${file}`), truth }
  })
  if (blocks[0]!.files.length === 0) throw wrong('strong/ holds no .jpg.')
  return {
    originals: originals.map((file) => `original/${file}`),
    blocks: blocks.filter((block) => block.files.length > 0),
  }
}
