import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Puts an ffmpeg and an ffprobe into a folder for the PATH. They know one format: a "video" is JSON of width, height, number of frames and
 * fps, or, once written, of what was written. Any other file is refused, in ffmpeg's words.
 */
export function installStandIn(folder: string): void {
  mkdirSync(folder, { recursive: true })
  write(
    folder,
    'ffprobe',
    `const { fps, frames } = JSON.parse(readFileSync(process.argv.at(-1), 'utf8'))
const streams = [{ avg_frame_rate: fps, r_frame_rate: fps }]
const [n, d = 1] = fps.split('/')
console.log(JSON.stringify({ streams, format: { duration: String((frames * d) / n) } }))`,
  )
  write(
    folder,
    'ffmpeg',
    `const args = process.argv.slice(2)
const after = (flag) => args[args.indexOf(flag) + 1]
if (args.at(-1) === 'pipe:1') {
  const text = readFileSync(after('-i'), 'utf8')
  if (!text.startsWith('{')) {
    console.error(after('-i') + ': Invalid data found when processing input')
    process.exit(1)
  }
  const { width, height, frames } = JSON.parse(text)
  for (let frame = 0; frame < frames; frame++) {
    const pixels = Buffer.alloc(width * height * 3, 40 * frame)
    pixels.fill(220, 0, width * 3 * Math.floor(height / 2))
    process.stdout.write(Buffer.concat([Buffer.from('P6\\n' + width + ' ' + height + '\\n255\\n'), pixels]))
  }
} else {
  let bytes = 0
  process.stdin.on('data', (chunk) => { bytes += chunk.length })
  process.stdin.on('end', () => {
    const written = { size: after('-s'), fps: after('-r'), pixels: after('-pix_fmt'), bytes }
    writeFileSync(args.at(-1), JSON.stringify(written))
  })
}`,
  )
}

function write(folder: string, name: string, body: string): void {
  const file = join(folder, name)
  writeFileSync(file, `#!${process.execPath}\nconst { readFileSync, writeFileSync } = require('node:fs')\n${body}\n`)
  chmodSync(file, 0o755)
}
