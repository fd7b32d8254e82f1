import { expect, test } from 'vitest'
import { type Field, fields } from '../config/fields.js'
import { headings, trainHelp } from './train-help.js'

test('every flag is in the help once, under a heading', () => {
  const help = trainHelp('dino train', 'What it does.')
  for (const { flag } of fields) expect(help.split(`  --${flag} `).length, flag).toBe(2)
  expect(help.split('\n').filter((line) => line.length > 112)).toEqual([])
})

// `npx vitest run src/commands -u` writes the file anew after a setting has changed.
test('SETTINGS.md lists the settings as they are', async () => {
  const lines = [
    '# Settings of a training run',
    '',
    'Flags of `dino train`; in a config file the same names in camelCase. A test keeps this file equal to the schema',
    '([src/config/schema.ts](src/config/schema.ts), [src/config/defaults.ts](src/config/defaults.ts)).',
  ]
  for (const field of fields) {
    const heading = headings[field.key]
    if (heading) {
      const title = heading[0] + heading.slice(1).toLowerCase()
      lines.push(
        '',
        `## ${title}`,
        '',
        '| flag | value | default | meaning, unit, when to change it |',
        '|---|---|---|---|',
      )
    }
    lines.push(row(field))
  }
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../SETTINGS.md')
})

function row({ flag, expected, default: value, help }: Field): string {
  return `| \`--${flag}\` | ${expected} | ${value === undefined ? '' : `\`${value}\``} | ${help.replaceAll('|', '\\|')} |`
}
