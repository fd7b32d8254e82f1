/** Interleaved pixels -> planes. `stride` is the distance between planes. */
export function deinterleave(source: usize, pixels: i32, channels: i32, planes: usize, stride: usize): void {
  if (channels == 1) {
    memory.copy(planes, source, pixels)
    return
  }
  for (let c = 0; c < channels; c++) {
    let p = source + c
    const plane = planes + <usize>c * stride
    for (let i: usize = 0; i < <usize>pixels; i++) {
      store<u8>(plane + i, load<u8>(p))
      p += channels
    }
  }
}

/** Planes -> interleaved pixels; up to 47 bytes beyond the end of `out` are overwritten. */
export function interleave(planes: usize, stride: usize, pixels: i32, channels: i32, out: usize): void {
  const n = <usize>pixels
  if (channels == 1) memory.copy(out, planes, n)
  else if (channels == 3) {
    for (let i: usize = 0; i < n; i += 16) {
      const r = v128.load(planes + i)
      const g = v128.load(planes + stride + i)
      const b = v128.load(planes + 2 * stride + i)
      const o = out + 3 * i
      let t = v128.shuffle<u8>(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5)
      v128.store(o, v128.shuffle<u8>(t, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15))
      t = v128.shuffle<u8>(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26)
      v128.store(o, v128.shuffle<u8>(t, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16)
      t = v128.shuffle<u8>(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0)
      v128.store(o, v128.shuffle<u8>(t, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32)
    }
  } else {
    for (let i: usize = 0; i < n; i++) {
      const o = out + 4 * i
      store<u8>(o, load<u8>(planes + i))
      store<u8>(o, load<u8>(planes + stride + i), 1)
      store<u8>(o, load<u8>(planes + 2 * stride + i), 2)
      store<u8>(o, load<u8>(planes + 3 * stride + i), 3)
    }
  }
}
