import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nearest } from '../../config/nearest.js'
import { Failure } from '../../report/io.js'

/** Frames of a video in order, and the objects in each. */
export interface Sequence {
  name: string
  /** JPEG files. */
  frames: string[]
  /** A palette PNG for each frame: the object at every pixel, 0 is background. */
  masks: string[]
}

const LIST = 'ImageSets/2017/val.txt'
const FRAMES = 'JPEGImages/480p'
const MASKS = 'Annotations/480p'

/** The first frame is given and the last left out: fewer frames leave nothing to measure. */
const LEAST_FRAMES = 3

/**
 * The sequences that the validation set of DAVIS 2017 lists, in its order.
 *
 * @param only some of them
 */
export function openDavis(root: string, only: readonly string[] = []): Sequence[] {
  const list = join(root, LIST)
  if (!existsSync(list)) {
    const inside = existsSync(join(root, 'DAVIS', LIST)) ? ` Do you mean ${join(root, 'DAVIS')}?` : ''
    throw wrongLayout(root, `${LIST} is missing.${inside}`)
  }
  const listed = readFileSync(list, 'utf8').split(/\s+/).filter(Boolean)
  const unknown = only.find((name) => !listed.includes(name))
  if (unknown !== undefined) {
    const close = nearest(unknown, listed)
    throw new Failure(
      `--sequences ${unknown}: ${list} has no such sequence. ${close ? `Did you mean ${close}?` : `It has ${listed.slice(0, 5).join(', ')} ….`}`,
      2,
    )
  }
  return listed.filter((name) => only.length === 0 || only.includes(name)).map((name) => sequence(root, name))
}

function sequence(root: string, name: string): Sequence {
  const stems = files(root, join(FRAMES, name), '.jpg')
  if (stems.length < LEAST_FRAMES) {
    throw new Failure(`${join(root, FRAMES, name)}: at least ${LEAST_FRAMES} frames are needed, got ${stems.length}.`)
  }
  const annotated = new Set(files(root, join(MASKS, name), '.png'))
  const without = stems.find((stem) => !annotated.has(stem))
  if (without !== undefined) {
    throw wrongLayout(root, `${join(FRAMES, name, without)}.jpg has no ${join(MASKS, name, without)}.png.`)
  }
  return {
    name,
    frames: stems.map((stem) => join(root, FRAMES, name, `${stem}.jpg`)),
    masks: stems.map((stem) => join(root, MASKS, name, `${stem}.png`)),
  }
}

/** Names without their extension, in order. */
function files(root: string, folder: string, extension: string): string[] {
  if (!existsSync(join(root, folder))) throw wrongLayout(root, `${folder} is missing.`)
  const names = readdirSync(join(root, folder)).filter((file) => file.endsWith(extension))
  return names.map((file) => file.slice(0, -extension.length)).sort()
}

function wrongLayout(root: string, problem: string): Failure {
  return new Failure(
    [
      `--data ${root}: ${problem} DAVIS 2017 at 480p looks like this:`,
      `  ${LIST.padEnd(45)}names of sequences, one a line`,
      `  ${`${FRAMES}/bike-packing/00000.jpg …`.padEnd(45)}frames`,
      `  ${`${MASKS}/bike-packing/00000.png …`.padEnd(45)}palette images of the objects in each frame`,
    ].join('\n'),
    2,
  )
}
