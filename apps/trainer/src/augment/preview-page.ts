import { cropBox, type Image, type MultiCropOptions, type ViewPlan, viewSteps } from '@dino/augment'
import sharp from 'sharp'
import { escapeHtml } from '../demo/html.js'
import { STYLE } from '../demo/page-style.js'
import { describeStep, describeView } from './describe.js'
import type { FiringRate } from './firing-rates.js'
import { PREVIEW_STYLE } from './preview-style.js'
import type { PreviewedImage } from './run-preview.js'

export interface Preview {
  source: string
  seed: number
  epoch: number
  recipe?: string
  images: readonly PreviewedImage[]
  /** Images in the data. */
  count: number
  options: MultiCropOptions
  rates: readonly FiringRate[]
  epochs: number
  onProgress(done: number, total: number): void
}

/** Beyond this many standard deviations a rate is called wrong: chance does that once in 16,000. */
const FAR = 4
const SOURCE_PX = 640

/** The preview as one HTML page that asks nothing of the network. */
export async function previewPage(preview: Preview): Promise<string> {
  const { source, seed, epoch, recipe, images, count, onProgress } = preview
  const pictures: string[] = []
  for (const [i, each] of images.entries()) {
    pictures.push(await picture(each))
    onProgress(i + 1, images.length)
  }
  const views = images[0]!.plan.length
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Views of ${escapeHtml(source)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}${PREVIEW_STYLE}</style>
</head>
<body>
<header>
<p class="kicker">dino augment preview</p>
<h1>${views} views of each image</h1>
<p class="lead">${images.length === count ? (count === 1 ? 'One image' : `All ${count} images`) : `${images.length} of ${count} images`} of
<code>${escapeHtml(source)}</code>${recipe ? `, recipe ${escapeHtml(recipe)}` : ''}, seed ${seed}, epoch ${epoch}. Rest on a view to see how it comes about:
crop, flip, jitter in its order, gray, blur, solarize.</p>
</header>
<main>
<section>${pictures.join('\n')}</section>
<section><h2>How often each operation fires</h2>${ratesTable(preview)}</section>
<section><h2>Options</h2>${optionsList(preview.options)}</section>
</main>
<footer>Every number was drawn from the key (seed, epoch, sample, view, operation): <code>dino train</code> with the same settings sees these bytes, but for
the compression of this page's pictures. Method: Caron et al. 2021, appendix C.</footer>
<script>
for (const picture of document.querySelectorAll('.picture')) {
  const source = picture.querySelector('.source')
  picture.querySelectorAll('.view').forEach((view, i) => {
    const mark = (on) => () => {
      source.classList.toggle('focus', on)
      source.querySelectorAll('rect')[i].classList.toggle('on', on)
    }
    for (const event of ['mouseenter', 'focus']) view.addEventListener(event, mark(true))
    for (const event of ['mouseleave', 'blur']) view.addEventListener(event, mark(false))
  })
}
</script>
</body>
</html>
`
}

async function picture({ name, sample, image, plan }: PreviewedImage): Promise<string> {
  const boxes = plan.map(({ crop }) => cropBox(crop, image.width, image.height))
  const rects = boxes.map(
    ({ left, top, width, height }, i) =>
      `<rect${i < 2 ? ' class="global"' : ''} x="${left}" y="${top}" width="${width}" height="${height}"/>`,
  )
  const views = await Promise.all(plan.map((view, i) => viewFigure(image, view, i)))
  return `<article class="picture">
<h3>${escapeHtml(name)} <span>${image.width}×${image.height}, sample ${sample}</span></h3>
<div class="source"><img alt="" src="${await sourceUri(image)}">
<svg viewBox="0 0 ${image.width} ${image.height}" preserveAspectRatio="none" aria-hidden="true">${rects.join('')}</svg></div>
<div class="views">${views.join('\n')}</div>
</article>`
}

async function viewFigure(image: Image, view: ViewPlan, i: number): Promise<string> {
  const steps = viewSteps(image, view)
  const uris = await Promise.all(steps.map((step) => webp(step.image)))
  const name = i < 2 ? `global ${i + 1}` : `local ${i - 1}`
  const box = cropBox(view.crop, image.width, image.height)
  const phrases = describeView(view, box, image).map((phrase) => `<span>${phrase}</span>`)
  const strip = steps.map(
    ({ op, value }, s) => `<div><img loading="lazy" alt="" src="${uris[s]}">${s + 1}. ${describeStep(op, value)}</div>`,
  )
  return `<figure class="view${i < 2 ? ' global' : ''}" tabindex="0"><img alt="${name}" src="${uris.at(-1)}">
<figcaption><b>${name}</b> ${phrases.join(', ')}</figcaption><div class="steps">${strip.join('')}</div></figure>`
}

function ratesTable({ rates, epochs, epoch, count }: Preview): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  const rows = rates.map(({ view, op, expected, measured, draws, deviations }) => {
    const off = deviations > FAR
    const verdict = off
      ? `<td class="off">${deviations === Number.POSITIVE_INFINITY ? 'never by chance' : `${deviations.toFixed(1)} σ off`}</td>`
      : '<td>as asked</td>'
    return `<tr><th scope="row">${view}, ${op}</th><td>${percent(expected)}</td><td>${percent(measured)}</td>
<td class="bar"><meter min="0" max="1" value="${measured}" aria-label="${percent(measured)}"></meter></td><td>${draws}</td>${verdict}</tr>`
  })
  const of = count === 1 ? 'one image' : `${count} images`
  return `<p class="note">Counted over ${of}, ${epochs === 1 ? `epoch ${epoch}` : `epochs ${epoch} to ${epoch + epochs - 1}`}. A rate is called off beyond ${FAR} standard deviations.</p>
<div class="scores rates"><table><thead><tr><td></td><th scope="col">asked for</th><th scope="col">fired</th><th scope="col"></th><th scope="col">draws</th><th scope="col"></th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`
}

function optionsList(options: MultiCropOptions): string {
  const { jitter, ...rest } = options
  const flat = {
    ...rest,
    ...Object.fromEntries(Object.entries(jitter ?? {}).map(([key, value]) => [`jitter.${key}`, value])),
  }
  const shown = (value: unknown) => (typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value))
  const text = (value: unknown) => (Array.isArray(value) ? value.map(shown).join(', ') : shown(value))
  return `<dl class="options">${Object.entries(flat)
    .map(([key, value]) => `<div><dt>${key}</dt><dd>${text(value)}</dd></div>`)
    .join('')}</dl>`
}

async function webp({ data, width, height, channels }: Image): Promise<string> {
  const bytes = await sharp(data, { raw: { width, height, channels } }).webp({ quality: 88 }).toBuffer()
  return `data:image/webp;base64,${bytes.toString('base64')}`
}

async function sourceUri({ data, width, height, channels }: Image): Promise<string> {
  const bytes = await sharp(data, { raw: { width, height, channels } })
    .resize({ width: SOURCE_PX, height: SOURCE_PX, fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 82 })
    .toBuffer()
  return `data:image/webp;base64,${bytes.toString('base64')}`
}
