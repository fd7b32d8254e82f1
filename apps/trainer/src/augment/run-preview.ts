import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Image, type MultiCropOptions, multiCrop, recipes as published, type ViewPlan } from '@dino/augment'
import { DecodeError, decode } from '@dino/augment/node'
import { writeFileAtomic } from '@dino/weights/node'
import { type AugmentPreviewOptions, viewRecipes } from '../commands/augment-preview.js'
import { nearest } from '../config/nearest.js'
import { resolveConfig } from '../config/resolve.js'
import type { TrainConfig, TrainOptions } from '../config/schema.js'
import { recipes } from '../recipes/index.js'
import { counter } from '../report/counter.js'
import { Failure, type TrainIO } from '../report/io.js'
import { table } from '../report/table.js'
import { cropOptions } from '../train/crop-options.js'
import { imagesOf, type TrainImages } from '../train/images.js'
import { firingRates } from './firing-rates.js'
import { previewPage } from './preview-page.js'

/** An image with what was drawn for it. */
export interface PreviewedImage {
  name: string
  /** Its number in the data, a part of the key. */
  sample: number
  image: Image
  plan: ViewPlan[]
}

/** `dino augment preview`: the views of some images, and how often each operation fires, as one page. */
export async function runPreview(options: AugmentPreviewOptions, io: TrainIO): Promise<number> {
  const { source, output, seed, epoch, json } = options
  const config = settings(options)
  const images = (await isImageFile(source)) ? oneImage(source) : await dataSet(source, io)
  const views = cropOptions(config)
  const augment = multiCrop(views)
  const { shown, setAside } = await decoded(images, options.images, config.background)
  for (const [name, reason] of setAside) io.stderr.write(`Left out, not readable: ${name}: ${reason}\n`)
  if (shown.length === 0) throw new Failure(`None of the images tried in ${source} can be read.`)
  const previewed = shown.map((each) => ({ ...each, plan: augment.plan({ seed, epoch, sample: each.sample }) }))

  const count = counter(io, 'draws')
  const measured = await firingRates({
    augment,
    options: views,
    seed,
    epoch,
    images: images.count,
    onProgress: count.update,
  })
  count.stop()
  const pages = counter(io, 'images drawn')
  const html = await previewPage({
    source,
    seed,
    epoch,
    recipe: options.recipe,
    images: previewed,
    count: images.count,
    options: views,
    ...measured,
    onProgress: pages.update,
  })
  pages.stop()
  await mkdir(dirname(output), { recursive: true })
  await writeFileAtomic(output, Buffer.from(html))

  const { rates, epochs } = measured
  if (json) {
    const plans = previewed.map(({ name, sample, image: { width, height }, plan }) => ({
      name,
      sample,
      width,
      height,
      plan,
    }))
    io.stdout.write(
      `${JSON.stringify({ output, seed, epoch, options: views, count: images.count, epochs, rates, images: plans, leftOut: setAside.size })}\n`,
    )
    return 0
  }
  const rows = rates.map(({ view, op, expected, measured, draws }) => [
    view,
    op,
    `${(100 * expected).toFixed(1)} %`,
    `${(100 * measured).toFixed(1)} %`,
    String(draws),
  ])
  io.stdout.write(`${table(['view', 'operation', 'asked for', 'fired', 'draws'], rows)}\n`)
  io.stdout.write(`${output}: ${augment.views.length} views of ${previewed.length} of ${images.count} images\n`)
  return 0
}

/** What `dino train` would use with this recipe and these flags. */
function settings(options: AugmentPreviewOptions): TrainConfig {
  const { source, output: _output, images: _images, epoch: _epoch, json: _json, recipe, ...flags } = options
  const given = { ...flags, data: source, arch: 'vit_tiny', patchSize: 1 } as const // no network looks at the views
  if (recipe === undefined) return resolveConfig(given)
  if (recipe in viewRecipes) {
    const { [viewRecipes[recipe as keyof typeof viewRecipes]]: chosen } = published
    const defined = Object.entries(given).filter(([, value]) => value !== undefined)
    return resolveConfig({ ...asSettings(chosen), ...Object.fromEntries(defined) })
  }
  const names = [...recipes.map(({ name }) => name), ...Object.keys(viewRecipes)]
  if (names.includes(recipe)) return resolveConfig({ ...given, recipe })
  const meant = nearest(recipe, names)
  throw new Failure(
    `There is no recipe ${recipe}. ${meant ? `Did you mean ${meant}?` : `There are ${names.join(', ')}.`}`,
    2,
  )
}

/** A published multi-crop in the words of `dino train`. */
function asSettings(options: MultiCropOptions): TrainOptions {
  const { globalSize, localSize, globalScale, localScale, localCrops, flip, blur } = options
  const settings = {
    globalCropsSize: globalSize,
    localCropsSize: localSize,
    globalCropsScale: globalScale,
    localCropsScale: localScale,
    localCropsNumber: localCrops,
    flipP: flip,
    blurP: blur,
  }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as TrainOptions
}

/** Whether the source is a file, and no archive or list of them. */
async function isImageFile(source: string): Promise<boolean> {
  const file = await stat(source).catch(() => undefined)
  return file?.isFile() === true && !/\.(zip|tar|tgz|gz|txt|tsv|lst)$/i.test(source)
}

function oneImage(path: string): TrainImages {
  return { count: 1, name: () => path, sample: () => ({ index: 0, path }), classes: [], digest: path }
}

function dataSet(source: string, io: TrainIO): Promise<TrainImages> {
  return imagesOf(source, io).catch((error: Error) => {
    if (!(error instanceof Failure)) throw error
    throw new Failure(error.message.replace(/^--data: /, ''), 2, { cause: error })
  })
}

/** So many images that can be read, spread over the data; the neighbour takes the place of one that cannot. */
async function decoded(images: TrainImages, wanted: number, background: TrainConfig['background']) {
  const setAside = new Map<string, string>()
  const shown: { name: string; sample: number; image: Image }[] = []
  const most = Math.min(wanted, images.count)
  for (let i = 0; i < most; i++) {
    const first = Math.floor((i * images.count) / most)
    const last = Math.floor(((i + 1) * images.count) / most)
    for (let sample = first; sample < last; sample++) {
      const place = images.sample(sample)
      const name = images.name(sample)
      try {
        if ('image' in place) throw new TypeError('runPreview: expected files, got an image in memory.')
        const image = await decode(('path' in place ? place.path : place.part) as never, { background })
        shown.push({ name, sample, image })
        break
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        setAside.set(name, error.reason)
      }
    }
  }
  return { shown, setAside }
}
