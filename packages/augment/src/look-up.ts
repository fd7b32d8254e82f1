import type { Image } from './image.js'

/** Replaces every value but alpha by its entry in a table of 256. */
export function lookUp({ data, channels: C }: Image, table: Uint8Array): void {
  if (C !== 4) for (let p = 0; p < data.length; p++) data[p] = table[data[p]!]!
  else
    for (let p = 0; p < data.length; p += 4) {
      data[p] = table[data[p]!]!
      data[p + 1] = table[data[p + 1]!]!
      data[p + 2] = table[data[p + 2]!]!
    }
}
