/** Pillow's RGB to L: ITU-R 601-2 luma in 16 bits. */
export function luma(r: number, g: number, b: number): number {
  return (r * 19595 + g * 38470 + b * 7471 + 32768) >> 16
}
