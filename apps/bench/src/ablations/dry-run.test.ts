import { idleSettings, resolveConfig } from '@dino/trainer'
import { expect, test } from 'vitest'
import { dryRunText, withoutIdle } from './dry-run.js'
import { experiments } from './experiments.js'
import { settingsOf } from './plan.js'
import { scales } from './scale.js'

test.each(Object.values(scales))(
  'the commands of scale $name ask for nothing in vain, and for the same run',
  (scale) => {
    for (const row of experiments.flatMap(({ rows }) => rows)) {
      const all = settingsOf(row, scale)
      const asked = withoutIdle(all)
      const [whole, lean] = [all, asked].map((settings) => resolveConfig({ ...settings, data: 'DIR' }))
      const idle = idleSettings(lean!)
      for (const key of Object.keys(asked)) expect([...idle.keys()], row.name).not.toContain(key)
      for (const [key, value] of Object.entries(whole!)) {
        if (!idle.has(key as keyof typeof lean)) expect(lean![key as keyof typeof lean], row.name).toEqual(value)
      }
    }
  },
)

test('a temperature is no flag of a row that has none', () => {
  const commands = (name: string) =>
    dryRunText(experiments.find((each) => each.name === name)!, scales.imagenet, { seeds: 1 })
      .split('\n')
      .filter((line) => line.startsWith('  dino train'))
  expect(commands('table7')[0]).toContain('--teacher-temp 0.07 --warmup-teacher-temp-epochs 30')
  expect(commands('table7')[4]).toMatch(/--loss mse/)
  expect(commands('table7')[4]).not.toMatch(/teacher-temp/)
})
