import type { Box } from '../src/index.js'
import type { ViewPlan } from '../src/view-plan.js'

/** What was drawn for a view, as short phrases. */
export function describe(view: ViewPlan, box: Box, imageWidth: number, imageHeight: number): string[] {
  const area = (100 * box.width * box.height) / (imageWidth * imageHeight)
  return [
    `${box.width}×${box.height} at ${box.left},${box.top}`,
    `${area.toFixed(0)} % of the area`,
    ...(view.flip ? ['flipped'] : []),
    ...view.jitter.map(({ op, factor }) => stepText(op, factor)),
    ...(view.grayscale ? ['gray'] : []),
    ...(view.blur === null ? [] : [stepText('blur', view.blur)]),
    ...(view.solarize === null ? [] : [stepText('solarize', view.solarize)]),
  ]
}

/** An operation and its number. */
export function stepText(op: string, value: number | null): string {
  if (value === null) return op
  if (op === 'hue') return `hue ${value < 0 ? '−' : '+'}${Math.abs(value * 360).toFixed(0)}°`
  if (op === 'blur') return `blur σ ${value.toFixed(2)}`
  if (op === 'solarize') return `solarize ≥ ${value}`
  return `${op} ×${value.toFixed(2)}`
}
