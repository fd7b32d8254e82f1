/**
 * Interleaved bytes -> floats, by a table of 256 for each channel.
 *
 * @param pixelStep floats between two pixels of the result
 * @param channelStep floats between two channels of a pixel
 */
export function lookUpFloats(
  source: usize, pixels: i32, channels: i32, tables: usize, out: usize, pixelStep: i32, channelStep: i32,
): void {
  const step = <usize>pixelStep << 2
  if (channels == 3) {
    const green = <usize>channelStep << 2
    const blue = green << 1
    for (let p = source, o = out, end = source + 3 * <usize>pixels; p < end; p += 3, o += step) {
      store<f32>(o, load<f32>(tables + (<usize>load<u8>(p) << 2)))
      store<f32>(o + green, load<f32>(tables + (<usize>load<u8>(p, 1) << 2), 1024))
      store<f32>(o + blue, load<f32>(tables + (<usize>load<u8>(p, 2) << 2), 2048))
    }
    return
  }
  for (let c = 0; c < channels; c++) {
    let o = out + (<usize>(c * channelStep) << 2)
    const table = tables + (<usize>c << 10)
    for (let p = source + c, end = source + <usize>(channels * pixels); p < end; p += channels) {
      store<f32>(o, load<f32>(table + (<usize>load<u8>(p) << 2)))
      o += step
    }
  }
}
