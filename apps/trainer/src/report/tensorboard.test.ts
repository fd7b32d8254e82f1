import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { crc32c } from './crc32c.js'
import { frame, openEventFile } from './tensorboard.js'

// TensorBoard 2.21's own RecordWriter and protobufs wrote these.
const scalars =
  '1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110200000000000000029eda9500900002040fc54d94110072a130a110a0a747261696e2f6c6f7373150000a840885ae910'
const restart =
  '1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b3531100f000000000000006d532b090900002040fc54d941100b3a0208015e354911'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-events-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

test('checksums are those of RFC 3720, appendix B.4', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
})

test('a record is length, checksum, data, checksum', () => {
  // Written by TensorBoard 2.21 (RecordWriter) for the same three bytes.
  expect(hex(frame(Uint8Array.of(1, 2, 3)))).toBe('0300000000000000b099490e01020339cdc086')
})

test('a file of scalars is, byte for byte, what TensorBoard writes', () => {
  const events = openEventFile(folder, { now: () => 1700000000.5 })
  events.scalars(7, { 'train/loss': 5.25 })
  events.close()
  expect(hex(readFileSync(events.path))).toBe(scalars)
})

test('a run that goes on tells TensorBoard which steps come again', () => {
  const events = openEventFile(folder, { iteration: 10, now: () => 1700000000.5 })
  events.close()
  expect(hex(readFileSync(events.path))).toBe(restart)
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
