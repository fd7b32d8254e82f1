// Pillow's arithmetic in WebAssembly SIMD. All pointers are byte offsets in linear memory, which src/kernels.ts lays out.
//
// An image in the making is one plane a channel, [height, width] bytes without gaps between rows. A plane is followed by at least
// 16 bytes of slack, since all loops here take 8 or 16 pixels at a time and may run over its end.
// Each function does what the one of the same name in src does byte for byte; the tests compare the two.
export { boxBlur } from './blur'
export { blendExact, blendFloat, lumaSum, planBlend } from './blend'
export { grayscale, saturation, saturationFloat, solarize } from './colour'
export { hue } from './hue'
export { lookUpFloats } from './normalize'
export { deinterleave, interleave } from './planes'
export { horizontal, premultiply, taps, triple, unpremultiply, vertical } from './resample'

/** The first byte that is free. */
export function heapBase(): usize {
  return __heap_base
}
