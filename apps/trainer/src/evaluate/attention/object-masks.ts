import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode } from '@dino/augment/node'
import type { TrainIO } from '../../report/io.js'
import { imagesOf, type TrainImages } from '../../train/images.js'
import { wrongLayout } from '../layout.js'
import { listedImages } from '../listed-images.js'
import { type LabelImage, readLabels } from '../video/label-png.js'

/** What of a {@link LabelImage} nobody decided about. */
export const UNDECIDED = 255

/** Images and where their objects are. */
export interface MaskedImages {
  images: TrainImages
  /** At any size; 0 is background, {@link UNDECIDED} is neither, all others are objects. */
  truth(index: number): Promise<Pick<LabelImage, 'labels' | 'width' | 'height'>>
}

const LISTS = 'ImageSets/Segmentation'
const FOLDERS = { class: 'SegmentationClass', object: 'SegmentationObject' }

/** The layout that Pascal VOC is distributed in. */
export function openVoc(root: string, masks: 'class' | 'object', split: string): MaskedImages {
  const folder = FOLDERS[masks]
  const list = `${LISTS}/${split}.txt`
  const wrong = (problem: string) =>
    wrongLayout(root, problem, 'Pascal VOC', [
      [`${LISTS}/val.txt`, 'names of images, one a line'],
      ['JPEGImages/2007_000033.jpg …', 'images'],
      [`${folder}/2007_000033.png …`, 'palette images: 0 is background, 255 undecided'],
    ])
  if (!existsSync(join(root, list))) {
    const inside = ['VOC2012', 'VOCdevkit/VOC2012'].find((name) => existsSync(join(root, name, list)))
    const hint = inside ? `Do you mean ${join(root, inside)}?` : 'For images with transparent ground add --masks alpha.'
    throw wrong(`${list} is missing. ${hint}`)
  }
  const names = readFileSync(join(root, list), 'utf8').split(/\s+/).filter(Boolean)
  if (names.length === 0) throw wrong(`${list} is empty.`)
  const maskOf = (name: string) => `${folder}/${name}.png`
  const files = names.map((name) => `JPEGImages/${name}.jpg`)
  const missing = [...files, ...names.map(maskOf)].find((file) => !existsSync(join(root, file)))
  if (missing !== undefined) throw wrong(`${missing} is missing, which ${list} names.`)
  return {
    images: listedImages(root, files),
    truth: (index) => readLabels(join(root, maskOf(names[index]!)), { undecided: UNDECIDED }),
  }
}

/** Half transparent pixels and clearer ones are background. */
const OPAQUE = 128

/** Images of any source whose ground is transparent. */
export async function openCutouts(source: string, io: TrainIO): Promise<MaskedImages> {
  const images = await imagesOf(source, io)
  return {
    images,
    async truth(index) {
      const sample = images.sample(index)
      const { data, width, height, channels } =
        'image' in sample
          ? sample.image
          : await decode('part' in sample ? sample.part : sample.path, { keepAlpha: true })
      const inside = (pixel: number) => Number(channels < 4 || data[4 * pixel + 3]! >= OPAQUE)
      return { labels: Uint8Array.from({ length: width * height }, (_, pixel) => inside(pixel)), width, height }
    },
  }
}
