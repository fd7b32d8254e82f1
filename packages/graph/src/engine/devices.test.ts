import { expect, test } from 'vitest'
import { describeEngine, ENGINE_VERSION, findEngine } from './index.js'

test('the engine that is found loads, tells its version and has a CPU', async () => {
  const engine = await findEngine()
  const { version, devices } = await describeEngine(engine)
  expect(version).toMatch(engine.version === 'unknown' ? /^2\./ : engine.version)
  if (engine.origin === 'cache') expect(version).toBe(ENGINE_VERSION)
  expect(devices[0]).toMatchObject({ name: '/device:CPU:0', type: 'CPU' })
}, 600_000)
