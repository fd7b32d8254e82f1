import { multiCropDefaults as defaults } from '../src/defaults.js'
import { type MultiCropOptions, recipes } from '../src/index.js'

export interface Settings {
  seed: number
  sample: number
  options: MultiCropOptions
}

interface Slider {
  name: string
  label: string
  min: number
  max: number
  step: number
  /** Where the value lies in the options. */
  path: readonly [keyof MultiCropOptions, (string | number)?]
}

const pixels = { min: 16, max: 320, step: 8 }
const share = { min: 0, max: 1, step: 0.05 }
const area = { min: 0.02, max: 1, step: 0.01 }

const groups: readonly { title: string; sliders: readonly Slider[] }[] = [
  {
    title: 'Crops',
    sliders: [
      { name: 'localCrops', label: 'local views', min: 0, max: 16, step: 1, path: ['localCrops'] },
      { name: 'globalSize', label: 'global, px', ...pixels, path: ['globalSize'] },
      { name: 'localSize', label: 'local, px', ...pixels, path: ['localSize'] },
      { name: 'globalLow', label: 'global area ≥', ...area, path: ['globalScale', 0] },
      { name: 'globalHigh', label: 'global area ≤', ...area, path: ['globalScale', 1] },
      { name: 'localLow', label: 'local area ≥', ...area, path: ['localScale', 0] },
      { name: 'localHigh', label: 'local area ≤', ...area, path: ['localScale', 1] },
      { name: 'flip', label: 'flip', ...share, path: ['flip'] },
    ],
  },
  {
    title: 'Colour',
    sliders: [
      { name: 'p', label: 'jitter', ...share, path: ['jitter', 'p'] },
      { name: 'brightness', label: 'brightness ±', ...share, path: ['jitter', 'brightness'] },
      { name: 'contrast', label: 'contrast ±', ...share, path: ['jitter', 'contrast'] },
      { name: 'saturation', label: 'saturation ±', ...share, path: ['jitter', 'saturation'] },
      { name: 'hue', label: 'hue ±', min: 0, max: 0.5, step: 0.01, path: ['jitter', 'hue'] },
      { name: 'grayscale', label: 'grayscale', ...share, path: ['grayscale'] },
    ],
  },
  {
    title: 'Blur and solarize',
    sliders: [
      { name: 'blur0', label: 'blur global 1', ...share, path: ['blur', 0] },
      { name: 'blur1', label: 'blur global 2', ...share, path: ['blur', 1] },
      { name: 'blur2', label: 'blur local', ...share, path: ['blur', 2] },
      { name: 'sigmaHigh', label: 'sigma ≤, px', min: 0.1, max: 8, step: 0.1, path: ['sigma', 1] },
      { name: 'solarize1', label: 'solarize gl. 2', ...share, path: ['solarize', 1] },
      { name: 'solarizeThreshold', label: 'threshold', min: 0, max: 256, step: 1, path: ['solarizeThreshold'] },
    ],
  },
]

type Nested = Record<string, unknown>

/** Fills the form with a control for every option; `changed` is called after each change. */
export function createControls(form: HTMLFormElement, changed: () => void): () => Settings {
  const names = Object.keys(recipes) as (keyof typeof recipes)[]
  form.innerHTML = `
<fieldset><legend>Key</legend>
${row('seed', 'seed', `<input id="seed" type="number" min="0" step="1" value="0">`)}
${row('sample', 'sample', `<input id="sample" type="number" min="0" step="1" value="0">`)}
<div class="buttons"><button type="button" class="strong" id="next">Draw again</button></div></fieldset>
<fieldset><legend>Options</legend>
${row('recipe', 'recipe', `<select id="recipe">${names.map((name) => `<option>${name}</option>`).join('')}</select>`)}</fieldset>
${groups.map(({ title, sliders }) => `<fieldset><legend>${title}</legend>${sliders.map(sliderRow).join('')}</fieldset>`).join('')}`

  const input = (name: string) => form.querySelector<HTMLInputElement>(`#${name}`)!
  const sliders = groups.flatMap((group) => group.sliders)
  const show = () => {
    for (const { name } of sliders) input(name).nextElementSibling!.textContent = input(name).value
  }
  const choose = () => {
    const options: Nested = { ...structuredClone(defaults), ...recipes[input('recipe').value as keyof typeof recipes] }
    for (const { name, path } of sliders) input(name).value = String(read(options, path))
    show()
  }
  choose()
  form.addEventListener('input', (event) => {
    if ((event.target as HTMLElement).id === 'recipe') choose()
    show()
    changed()
  })
  form.addEventListener('submit', (event) => event.preventDefault())
  input('next').addEventListener('click', () => {
    input('sample').value = String(input('sample').valueAsNumber + 1 || 0)
    changed()
  })

  return () => {
    const options: Nested = {
      ...structuredClone(defaults),
      ...structuredClone(recipes[input('recipe').value as keyof typeof recipes]),
    }
    for (const { name, path } of sliders) write(options, path, input(name).valueAsNumber)
    return { seed: input('seed').valueAsNumber, sample: input('sample').valueAsNumber, options }
  }
}

function row(name: string, label: string, control: string): string {
  return `<div class="row"><label for="${name}">${label}</label>${control}</div>`
}

function sliderRow({ name, label, min, max, step }: Slider): string {
  return row(name, label, `<input id="${name}" type="range" min="${min}" max="${max}" step="${step}"><output></output>`)
}

function read(options: Nested, [key, inner]: Slider['path']): unknown {
  return inner === undefined ? options[key] : (options[key] as Nested)[inner]
}

function write(options: Nested, [key, inner]: Slider['path'], value: number): void {
  if (inner === undefined) options[key] = value
  else options[key] = Object.assign(structuredClone(options[key]) as Nested, { [inner]: value })
}
