import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { LIBRARY_NAMES, type Release, releaseFor } from './release.js'

/** For tests: a file for a small wheel. */
export interface WheelFile {
  name: string
  data: Buffer
  /** Kept as it is instead of compressed. */
  stored?: boolean
  /** What RECORD says of it, if not the truth. */
  recorded?: string
}

/** A wheel (PEP 427) of these files and a RECORD that lists them; the zip's own CRCs are left zero, RECORD is what counts. */
export function wheelOf(files: readonly WheelFile[]): Buffer {
  const lines = files.map(({ name, data, recorded }) => recorded ?? recordLine(name, data))
  const record = `${lines.join('\n')}\nsmall-1.dist-info/RECORD,,\n`
  const all = [...files, { name: 'small-1.dist-info/RECORD', data: Buffer.from(record) }]
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, data, stored = false } of all as WheelFile[]) {
    const body = stored ? data : deflateRawSync(data)
    const common = Buffer.alloc(26) // What a local header and a directory entry share (APPNOTE 4.3.7, 4.3.12).
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(stored ? 0 : 8, 4)
    common.writeUInt32LE(body.length, 14)
    common.writeUInt32LE(data.length, 18)
    common.writeUInt16LE(Buffer.byteLength(name), 22)
    const entryTail = Buffer.alloc(14)
    entryTail.writeUInt32LE(offset, 10)
    locals.push(Buffer.from('PK\x03\x04'), common, Buffer.from(name), body)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, entryTail, Buffer.from(name))
    offset += 30 + Buffer.byteLength(name) + body.length
  }
  const table = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(all.length, 8)
  end.writeUInt16LE(all.length, 10)
  end.writeUInt32LE(table.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, table, end])
}

export function recordLine(name: string, data: Buffer): string {
  return `${name},sha256=${createHash('sha256').update(data).digest('base64url')},${data.length}`
}

/** A file that begins like a shared library for this machine (or the one named). */
export function libraryFor(platform: string = process.platform, arch: string = process.arch, bytes = 4096): Buffer {
  const data = Buffer.alloc(bytes, 7)
  if (platform === 'darwin') {
    data.writeUInt32LE(0xfeedfacf, 0)
    data.writeUInt32LE(arch === 'arm64' ? 0x0100000c : 0x01000007, 4)
  } else {
    data.writeUInt32BE(0x7f454c46, 0)
    data.writeUInt16LE(arch === 'arm64' ? 0xb7 : 0x3e, 18)
  }
  return data
}

export const { framework: FRAMEWORK, cc: CC } = LIBRARY_NAMES

/** A release of a few kilobytes under the pinned one's name, and its files. */
export function smallRelease(): { release: Release; files: WheelFile[] } {
  const files = [
    { name: 'tensorflow/__init__.py', data: Buffer.from('raise SystemExit\n') },
    { name: `tensorflow/${FRAMEWORK}`, data: libraryFor() },
    { name: `tensorflow/${CC}`, data: libraryFor(process.platform, process.arch, 3_000_000) },
  ]
  const pinned = releaseFor() ?? releaseFor('linux', 'x64')!
  const release = { ...pinned, platform: `${process.platform}-${process.arch}`, libraries: LIBRARY_NAMES }
  return { release: { ...release, wheelBytes: wheelOf(files).length, unpackedBytes: 3_004_096 }, files }
}

/** An empty folder for a test. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'dino-engine-'))
}

/**
 * A folder to have on the PATH, with a `python3` that knows what the engine asks of one. Environment variables say what it
 * does: SMALL_WHEEL is what its pip downloads, in four parts SLOW_MS apart; PIP_SAYS is printed and is a failure;
 * NO_PIP; TENSORFLOW is where its TensorFlow lies; DOWNLOADS is a file that gets a line for each download.
 */
export function smallPython(folder: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  const script = `#!${process.execPath}
const { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync } = require('node:fs')
const { join } = require('node:path')
const { DOWNLOADS, NO_PIP, PIP_SAYS, SLOW_MS, SMALL_WHEEL, TENSORFLOW, TMPDIR } = process.env
const args = process.argv.slice(2)
if (args[0] === '-c') {
  console.log('{"version": "3.12.0"' + (TENSORFLOW ? ', "tensorflow": ' + TENSORFLOW : '') + '}')
  process.exit(0)
}
if (NO_PIP) {
  console.error(process.argv[1] + ': No module named pip')
  process.exit(1)
}
if (PIP_SAYS) {
  console.log('Looking in links: /wheels')
  console.error(PIP_SAYS)
  process.exit(1)
}
const option = (name) => args[args.indexOf(name) + 1]
const name = args[3].replace('==', '-').replace('tensorflow-cpu', 'tensorflow_cpu') +
  '-' + option('--abi') + '-' + option('--abi') + '-' + option('--platform') + '.whl'
appendFileSync(DOWNLOADS, args.join(' ') + '\\n')
console.log('Collecting ' + args[3])
const unpack = join(TMPDIR, 'pip-unpack-1')
mkdirSync(unpack)
const data = readFileSync(SMALL_WHEEL)
;(async () => {
  for (let i = 0; i < 4; i++) {
    appendFileSync(join(unpack, name), data.subarray((data.length * i) >> 2, (data.length * (i + 1)) >> 2))
    await new Promise((done) => setTimeout(done, Number(SLOW_MS ?? 0)))
  }
  copyFileSync(join(unpack, name), join(option('--dest'), name))
  rmSync(unpack, { recursive: true })
  console.log('Successfully downloaded')
})()
`
  writeFileSync(join(bin, 'python3'), script)
  chmodSync(join(bin, 'python3'), 0o755)
  return bin
}
