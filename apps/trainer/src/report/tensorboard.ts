import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { crc32c } from './crc32c.js'

/** A TensorBoard event file, of one process. */
export interface EventFile {
  readonly path: string
  /** Values of one step, by tag; a slash groups tags into sections. */
  scalars(step: number, values: Readonly<Record<string, number>>): void
  /** A picture, such as an attention map. */
  image(step: number, tag: string, image: { png: Uint8Array; width: number; height: number }): void
  /** A graph, as a serialised GraphDef. */
  graph(graphDef: Uint8Array): void
  /** Waits until the disk has everything. */
  sync(): void
  close(): void
}

export interface EventFileOptions {
  /** Steps already taken, for a run that goes on: TensorBoard drops what an earlier process wrote after it. */
  iteration?: number
  /** Seconds since 1970. */
  now?: () => number
}

/** Starts an event file in `folder`, which TensorBoard reads while it grows. */
export function openEventFile(folder: string, options: EventFileOptions = {}): EventFile {
  const { iteration = 0, now = () => Date.now() / 1000 } = options
  mkdirSync(folder, { recursive: true })
  const started = now()
  const path = join(folder, `events.out.tfevents.${Math.floor(started)}.${hostname()}.${process.pid}`)
  const file = openSync(path, 'a')
  const write = (event: Uint8Array): void => {
    const record = frame(event)
    for (let written = 0; written < record.length; ) written += writeSync(file, record, written)
  }
  write(versionEvent(started))
  if (iteration > 0) write(restartEvent(started, iteration + 1))
  return {
    path,
    scalars: (step, values) => write(summaryEvent(now(), step, Object.entries(values).map(scalarValue))),
    image: (step, tag, image) => write(summaryEvent(now(), step, [imageValue(tag, image)])),
    graph: (graphDef) => write(graphEvent(now(), graphDef)),
    sync: () => fdatasyncSync(file),
    close() {
      fdatasyncSync(file)
      closeSync(file)
    },
  }
}

/** One TFRecord: length, its checksum, data, its checksum, all little-endian (tensorflow/core/lib/io/record_writer.h). */
export function frame(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(12 + data.length + 4)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, masked(data), true)
  return record
}

/** Checksums inside checksummed data are rotated and shifted, so that they do not check themselves. */
function masked(data: Uint8Array): number {
  const crc = crc32c(data)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

// Field numbers: tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto.
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, graphDef: 4, summary: 5, sessionLog: 7 }
const VALUE = { tag: 1, simpleValue: 2, image: 4 }
const IMAGE = { height: 1, width: 2, colorspace: 3, encoded: 4 }
const RGB = 3
const START = 1

function versionEvent(wallTime: number): Uint8Array {
  return event(wallTime, 0).tag(EVENT.fileVersion, WireType.LengthDelimited).string('brain.Event:2').finish()
}

function restartEvent(wallTime: number, step: number): Uint8Array {
  return event(wallTime, step)
    .tag(EVENT.sessionLog, WireType.LengthDelimited)
    .fork()
    .tag(1, WireType.Varint)
    .int32(START)
    .join()
    .finish()
}

function graphEvent(wallTime: number, graphDef: Uint8Array): Uint8Array {
  return event(wallTime, 0).tag(EVENT.graphDef, WireType.LengthDelimited).bytes(graphDef).finish()
}

function summaryEvent(wallTime: number, step: number, values: readonly Uint8Array[]): Uint8Array {
  const writer = event(wallTime, step).tag(EVENT.summary, WireType.LengthDelimited).fork()
  for (const value of values) writer.tag(1, WireType.LengthDelimited).bytes(value)
  return writer.join().finish()
}

function event(wallTime: number, step: number): BinaryWriter {
  const writer = new BinaryWriter().tag(EVENT.wallTime, WireType.Bit64).double(wallTime)
  return step === 0 ? writer : writer.tag(EVENT.step, WireType.Varint).int64(step)
}

function scalarValue([tag, value]: [string, number]): Uint8Array {
  return new BinaryWriter()
    .tag(VALUE.tag, WireType.LengthDelimited)
    .string(tag)
    .tag(VALUE.simpleValue, WireType.Bit32)
    .float(Math.fround(value))
    .finish()
}

function imageValue(
  tag: string,
  { png, width, height }: { png: Uint8Array; width: number; height: number },
): Uint8Array {
  const image = new BinaryWriter()
    .tag(IMAGE.height, WireType.Varint)
    .int32(height)
    .tag(IMAGE.width, WireType.Varint)
    .int32(width)
    .tag(IMAGE.colorspace, WireType.Varint)
    .int32(RGB)
    .tag(IMAGE.encoded, WireType.LengthDelimited)
    .bytes(png)
    .finish()
  return new BinaryWriter()
    .tag(VALUE.tag, WireType.LengthDelimited)
    .string(tag)
    .tag(VALUE.image, WireType.LengthDelimited)
    .bytes(image)
    .finish()
}
