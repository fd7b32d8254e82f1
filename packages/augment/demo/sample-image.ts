/** A picture to begin with: hills under a sun, drawn here so that the page needs no file. */
export function sampleImage(): ImageData {
  const [width, height] = [600, 420]
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!
  const fill = (style: string | CanvasGradient, draw: () => void) => {
    context.fillStyle = style
    context.beginPath()
    draw()
    context.fill()
  }
  const sky = context.createLinearGradient(0, 0, 0, height)
  for (const [at, colour] of [
    [0, '#254b8c'],
    [0.55, '#e88a5c'],
    [0.75, '#fbd38b'],
  ] as const)
    sky.addColorStop(at, colour)
  fill(sky, () => context.rect(0, 0, width, height))
  fill('#fff3cf', () => context.arc(420, 190, 46, 0, 7))
  for (const [colour, base, swing, length] of [
    ['#7a4a6d', 260, 34, 140],
    ['#4a3358', 310, 26, 90],
    ['#1f3b34', 365, 14, 60],
  ] as const)
    fill(colour, () => {
      context.moveTo(0, height)
      for (let x = 0; x <= width; x += 4)
        context.lineTo(x, base + swing * Math.sin(x / length) + 0.4 * swing * Math.sin((2.7 * x) / length))
      context.lineTo(width, height)
    })
  for (let i = 0; i < 40; i++) {
    const x = (i * 97) % width
    const y = 372 + ((i * 53) % 40)
    fill(['#d94f3d', '#f2c14e', '#f5f0e1'][i % 3]!, () => context.arc(x, y, 3 + (i % 4), 0, 7))
  }
  return context.getImageData(0, 0, width, height)
}
