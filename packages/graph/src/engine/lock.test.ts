import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { temporaryFolder } from './fixture.js'
import { lock } from './lock.js'

vi.setConfig({ testTimeout: 60_000 }) // Processes are started, on a machine that may be busy.

const root = temporaryFolder()
afterAll(() => rmSync(root, { recursive: true, force: true }))

let count = 0
function place() {
  const cache = join(root, String(count++))
  mkdirSync(cache)
  return { cache, folder: join(cache, '.installing') }
}
/** A lock that another process left. */
function leave(folder: string, owner: object) {
  mkdirSync(folder)
  writeFileSync(join(folder, 'owner.json'), JSON.stringify({ token: 'theirs', ...owner }))
  writeFileSync(join(folder, 'half-done'), '')
}
const deadPid = spawnSync(process.execPath, ['-e', '']).pid
const never = () => false

test('a lock is taken once, and again after its release', async () => {
  const { cache, folder } = place()
  const first = (await lock(folder, cache, never, () => {}))!
  let waited = ''
  const second = lock(folder, cache, never, (owner) => (waited = owner))
  await new Promise((done) => setTimeout(done, 300))
  expect(waited).toBe(`process ${process.pid} on ${hostname()}`)
  await first.release()
  await (await second)!.release()
  expect(readdirSync(cache)).toEqual([])
})

test('of many that want it at once each has it alone', async () => {
  const { cache, folder } = place()
  let inside = 0
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const held = (await lock(folder, cache, never, () => {}))!
      expect(++inside).toBe(1)
      await new Promise((done) => setTimeout(done, 5))
      inside--
      await held.release()
    }),
  )
  expect(readdirSync(cache)).toEqual([])
})

test('a waiter leaves when the work has been done', async () => {
  const { cache, folder } = place()
  leave(folder, { pid: process.ppid, host: hostname() })
  let arrived = false
  setTimeout(() => (arrived = true), 200)
  expect(
    await lock(
      folder,
      cache,
      () => arrived,
      () => {},
    ),
  ).toBeUndefined()
  expect(readdirSync(cache)).toEqual(['.installing'])
})

test('a dead process loses its lock at once, with its half-done work', async () => {
  const { cache, folder } = place()
  leave(folder, { pid: deadPid, host: hostname() })
  const held = await lock(folder, cache, never, () => {})
  expect(readdirSync(folder)).toEqual(['owner.json'])
  await held!.release()
})

test.each([{ host: 'another machine' }, undefined])('an owner that stays silent loses its lock (%o)', async (owner) => {
  const { cache, folder } = place()
  if (owner) leave(folder, { pid: 1, ...owner })
  else mkdirSync(join(folder, 'half-done'), { recursive: true })
  const start = performance.now()
  const held = await lock(folder, cache, never, () => {}, 500)
  expect(performance.now() - start).toBeGreaterThan(500)
  await held!.release()
})

test('an owner whose lock was taken away knows it, and leaves the new one alone', async () => {
  const { cache, folder } = place()
  const held = (await lock(folder, cache, never, () => {}))!
  rmSync(folder, { recursive: true })
  leave(folder, { pid: process.ppid, host: hostname() })
  expect(await held.isHeld()).toBe(false)
  await held.release()
  expect(readFileSync(join(folder, 'owner.json'), 'utf8')).toContain('theirs')
})
