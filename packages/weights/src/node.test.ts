import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type HostTensor, serializeSafetensors } from './index.js'
import { readPyTorch, readSafetensors, readWeights, writeFileAtomic, writeSafetensors } from './node.js'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dino-weights-'))
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const tensors: Record<string, HostTensor> = {
  'head.weight': { dtype: 'float32', shape: [2, 3], data: Float32Array.from({ length: 6 }, (_, i) => i / 7) },
  step: { dtype: 'int32', shape: [], data: Int32Array.of(41) },
}

test('a written file is read back, and holds the bytes that serializeSafetensors gives', async () => {
  const path = join(folder, 'a.safetensors')
  await writeSafetensors(path, tensors, { epoch: '3' })
  expect(await readSafetensors(path)).toEqual({ tensors, metadata: { epoch: '3' } })
  expect(new Uint8Array(await readFile(path))).toEqual(serializeSafetensors(tensors, { epoch: '3' }))
  expect(await readdir(folder)).toEqual(['a.safetensors'])
})

test('text is written as UTF-8 and replaces what was there', async () => {
  const path = join(folder, 'state.json')
  await writeFileAtomic(path, 'old and longer')
  await writeFileAtomic(path, '{"é":1}')
  expect(await readFile(path, 'utf8')).toBe('{"é":1}')
})

test('a full disk leaves the old file as it was, and nothing beside it', async () => {
  const path = join(folder, 'a.safetensors')
  await writeSafetensors(path, tensors)
  const before = await readFile(path)
  await failAfter(10, 'ENOSPC')
  await expect(writeSafetensors(path, tensors, { epoch: '4' })).rejects.toMatchObject({
    code: 'ENOSPC',
    message: `writeFileAtomic: cannot write ${path}: no space left. Free some, or write to another disk (ENOSPC). What was there before is unchanged.`,
  })
  expect(await readFile(path)).toEqual(before)
  expect(await readdir(folder)).toEqual(['a.safetensors'])
})

test('a write that the system does in parts is still whole', async () => {
  const path = join(folder, 'a.safetensors')
  const prototype = await handlePrototype()
  const write = prototype.write
  vi.spyOn(prototype, 'write').mockImplementation(function (this: unknown, bytes, offset, length) {
    return write.call(this, bytes, offset, Math.min(length, 7))
  })
  await writeSafetensors(path, tensors)
  expect((await readSafetensors(path)).tensors).toEqual(tensors)
})

test('writers of one path at once leave one whole file', async () => {
  const path = join(folder, 'a.txt')
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000))
  await Promise.all(texts.map((text) => writeFileAtomic(path, text)))
  expect(texts).toContain(await readFile(path, 'utf8'))
  expect(await readdir(folder)).toEqual(['a.txt'])
})

test('a symbolic link stays a link: the file that it names is written', async () => {
  await mkdir(join(folder, 'disk'))
  await writeFile(join(folder, 'disk', 'a.txt'), 'old')
  await symlink(join(folder, 'disk', 'a.txt'), join(folder, 'link.txt'))
  await writeFileAtomic(join(folder, 'link.txt'), 'new')
  expect(await readFile(join(folder, 'disk', 'a.txt'), 'utf8')).toBe('new')
})

test('a folder that is missing, and a path that is a folder, are refused by name', async () => {
  const missing = join(folder, 'no', 'a.txt')
  await expect(writeFileAtomic(missing, '')).rejects.toThrow(`cannot write ${missing}: no such folder. Make it first`)
  await expect(writeFileAtomic(folder, '')).rejects.toThrow(`cannot write ${folder}`)
  await expect(readSafetensors(missing)).rejects.toThrow(`cannot read ${missing}: there is no such file`)
  await expect(readSafetensors(folder)).rejects.toThrow('it is a folder')
})

test('a damaged file is refused by name', async () => {
  const path = join(folder, 'half.safetensors')
  const bytes = serializeSafetensors(tensors)
  await writeFile(path, bytes.subarray(0, bytes.length - 3))
  await expect(readSafetensors(path)).rejects.toMatchObject({
    file: path,
    message: expect.stringContaining('cut short'),
  })
})

interface Handle {
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }>
}

/** The class of a FileHandle, which Node does not export. */
async function handlePrototype(): Promise<Handle> {
  const handle = await open(folder, 'r')
  await handle.close()
  return Object.getPrototypeOf(handle) as Handle
}

/** From now on a disk takes so many more bytes. */
async function failAfter(bytes: number, code: string): Promise<void> {
  const prototype = await handlePrototype()
  const write = prototype.write
  let left = bytes
  vi.spyOn(prototype, 'write').mockImplementation(function (this: unknown, data, offset, length) {
    if (left === 0) throw Object.assign(new Error(`${code}: write`), { code })
    const part = Math.min(length, left)
    left -= part
    return write.call(this, data, offset, part)
  })
}

test.skipIf(process.platform === 'win32')(
  'a device or a pipe that nobody writes to is refused, not waited for',
  async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const path of [pipe, '/dev/zero']) {
      for (const read of [readWeights, readSafetensors, readPyTorch])
        await expect(read(path)).rejects.toThrow(`cannot read ${path}: it is no file, but a pipe or a device.`)
    }
  },
)
