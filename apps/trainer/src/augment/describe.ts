import type { Box, Image, ViewPlan, ViewStep } from '@dino/augment'

/** What was drawn for a view, as short phrases in the order in which it is done. */
export function describeView(view: ViewPlan, box: Box, { width, height }: Image): string[] {
  const area = (100 * box.width * box.height) / (width * height)
  return [
    `${box.width}×${box.height} at ${box.left},${box.top}`,
    `${area < 10 ? area.toFixed(1) : area.toFixed(0)} % of the area`,
    ...(view.flip ? ['flipped'] : []),
    ...view.jitter.map(({ op, factor }) => describeStep(op, factor)),
    ...(view.grayscale ? ['gray'] : []),
    ...(view.blur === null ? [] : [describeStep('blur', view.blur)]),
    ...(view.solarize === null ? [] : [describeStep('solarize', view.solarize)]),
  ]
}

/** An operation and its number. */
export function describeStep(op: ViewStep['op'], value: number | null): string {
  if (value === null) return op
  if (op === 'hue') return `hue ${value < 0 ? '−' : '+'}${Math.abs(value * 360).toFixed(0)}°`
  if (op === 'blur') return `blur σ ${value.toFixed(2)} px`
  if (op === 'solarize') return `solarize ≥ ${value}`
  return `${op} ×${value.toFixed(2)}`
}
