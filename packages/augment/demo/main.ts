import { fromBitmap, fromImageData, toImageData } from '../src/browser.js'
import { cropBox, type Image, kernelsInUse, multiCrop, viewSteps } from '../src/index.js'
import type { ViewPlan } from '../src/view-plan.js'
import { createControls } from './controls.js'
import { describe, stepText } from './describe.js'
import { sampleImage } from './sample-image.js'

const byId = <T extends Element>(id: string) => document.getElementById(id) as unknown as T
const boxes = byId<SVGSVGElement>('boxes')
const error = byId<HTMLElement>('error')
const settings = createControls(byId('controls'), schedule)

let image: Image = fromImageData(sampleImage())
let scheduled = false
let drawing = 0
showSource('A sample. Drop your own.')
schedule()

async function load(file: File | undefined): Promise<void> {
  if (!file) return
  try {
    // neither colour profile nor gamma: the bytes of the file, as training sees them
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' })
    image = fromBitmap(bitmap)
    bitmap.close()
    showSource(`${file.name}, ${image.width}×${image.height}`)
    schedule()
  } catch {
    fail(`${file.name} is no image that this browser can read. Try a JPEG, PNG or WebP.`)
  }
}

byId<HTMLInputElement>('file').addEventListener('change', (event) => {
  const input = event.target as HTMLInputElement
  void load(input.files?.[0])
  input.value = '' // the same file may be chosen again
})
document.addEventListener('dragover', (event) => {
  event.preventDefault()
  document.body.classList.add('dragging')
})
document.addEventListener('dragleave', (event) => {
  if (!event.relatedTarget) document.body.classList.remove('dragging')
})
document.addEventListener('drop', (event) => {
  event.preventDefault()
  document.body.classList.remove('dragging')
  void load(event.dataTransfer?.files[0])
})
document.addEventListener('paste', (event) => void load(event.clipboardData?.files[0]))

/** Draws once a frame, however often a slider moves. */
function schedule(): void {
  document.body.dataset.state = 'busy'
  if (scheduled) return
  scheduled = true
  requestAnimationFrame(() => {
    scheduled = false
    void draw()
  })
}

async function draw(): Promise<void> {
  const turn = ++drawing
  try {
    const { seed, sample, options } = settings()
    const augment = multiCrop(options)
    const plan = augment.plan({ seed, epoch: 0, sample })
    const start = performance.now()
    const views = augment.apply(image, plan)
    const ms = performance.now() - start
    showBoxes(plan)
    const figures = plan.map((view, i) => figure(view, i, views[i]!))
    byId('globals').replaceChildren(...figures.slice(0, 2))
    byId('locals').replaceChildren(...figures.slice(2))
    const hash = await sha256(views)
    if (turn !== drawing) return
    const kernels = kernelsInUse() === 'simd' ? 'WebAssembly SIMD' : 'plain JavaScript'
    byId('status').innerHTML =
      `${views.length} views in ${ms.toFixed(1)} ms (${kernels}). SHA-256 of their bytes, as in Node: <code>${hash}</code>`
    error.hidden = true
    Object.assign(document.body.dataset, { state: 'done', hash })
  } catch (problem) {
    fail((problem as Error).message)
  }
}

function fail(message: string): void {
  error.textContent = message
  error.hidden = false
  document.body.dataset.state = 'failed'
}

function showSource(name: string): void {
  paint(byId('source'), image)
  byId('name').textContent = name
  boxes.setAttribute('viewBox', `0 0 ${image.width} ${image.height}`)
  boxes.setAttribute('preserveAspectRatio', 'none')
}

function showBoxes(plan: readonly ViewPlan[]): void {
  const rects = plan.map(({ crop }, i) => {
    const { left, top, width, height } = cropBox(crop, image.width, image.height)
    const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
    for (const [name, value] of Object.entries({ x: left, y: top, width, height }))
      rect.setAttribute(name, String(value))
    if (i < 2) rect.setAttribute('class', 'global')
    return rect
  })
  boxes.replaceChildren(...rects)
}

function figure(view: ViewPlan, i: number, data: Uint8Array): HTMLElement {
  const box = cropBox(view.crop, image.width, image.height)
  const phrases = describe(view, box, image.width, image.height)
  const name = i < 2 ? `global ${i + 1}` : `local ${i - 1}`
  const element = document.createElement('figure')
  element.className = i < 2 ? 'view global' : 'view'
  element.tabIndex = 0
  element.title = 'Click for its steps'
  const canvas = document.createElement('canvas')
  paint(canvas, { data, width: view.size, height: view.size, channels: image.channels })
  const caption = document.createElement('figcaption')
  caption.innerHTML = `<b>${name}</b> ${phrases.map((phrase) => `<span>${phrase}</span>`).join(', ')}`
  element.append(canvas, caption)
  const focus = (on: boolean) => () => {
    boxes.classList.toggle('focus', on)
    boxes.children[i]?.classList.toggle('on', on)
  }
  element.addEventListener('mouseenter', focus(true))
  element.addEventListener('mouseleave', focus(false))
  element.addEventListener('click', () => showSteps(name, view))
  element.addEventListener('keydown', ({ key }) => key === 'Enter' && showSteps(name, view))
  return element
}

/** How the view came about, one picture an operation. */
function showSteps(name: string, view: ViewPlan): void {
  const dialog = document.createElement('dialog')
  dialog.innerHTML = `<h2>How ${name} comes about</h2><div class="steps"></div>`
  for (const step of viewSteps(image, view)) {
    const element = document.createElement('figure')
    const canvas = document.createElement('canvas')
    paint(canvas, step.image)
    const caption = document.createElement('figcaption')
    caption.textContent = stepText(step.op, step.value)
    element.append(canvas, caption)
    dialog.lastElementChild!.append(element)
  }
  dialog.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}

function paint(canvas: HTMLCanvasElement, picture: Image): void {
  canvas.width = picture.width
  canvas.height = picture.height
  canvas.getContext('2d')!.putImageData(toImageData(picture), 0, 0)
}

/** Of all views, one after the other; empty where the browser does not hash (a page by plain http). */
async function sha256(views: readonly Uint8Array[]): Promise<string> {
  if (!globalThis.crypto?.subtle) return ''
  const bytes = new Uint8Array(await new Blob(views as Uint8Array<ArrayBuffer>[]).arrayBuffer())
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
