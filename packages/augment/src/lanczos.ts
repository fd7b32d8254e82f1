import type { Filter } from './resample.js'

/** Lanczos' filter of three lobes, as Pillow's LANCZOS: sinc(x) sinc(x / 3). */
export const lanczos: Filter = [3, (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0)]

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}
