import type { Case } from '@dino/fixtures'
import pc from 'picocolors'
import type { Check } from './check.js'
import type { Engine } from './engine.js'

// By itself picocolors colours a pipe where CI is set.
const colors = pc.createColors(process.stdout.isTTY === true && !process.env.NO_COLOR)

export interface Row {
  kind: string
  name: string
  /** null where no engine takes part: plain typed arrays. */
  engine: string | null
  /** Of the check that is furthest beyond its tolerance, or nearest to it; null where nothing was compared. */
  difference: number | null
  tolerance: number | null
  /** `invalid`: the case contradicts itself, so that it says nothing about the implementation. */
  result: 'pass' | 'fail' | 'not implemented' | 'invalid'
  /** Which output fails, or why there is nothing to compare. */
  message?: string
  checks: Check[]
}

/** Prints rows as they come, or all of them as one JSON object at the end. */
export function report(out: { write(text: string): void }, cases: Case[], engines: Engine[], json: boolean) {
  const rows: Row[] = []
  const count = (result: Row['result']) => rows.filter((row) => row.result === result).length
  const widths = [
    longest(['kind', ...cases.map(({ kind }) => kind)]),
    longest(['name', ...cases.map(({ name }) => name)]),
    longest(['engine', ...engines.map(({ name }) => name)]),
    'largest difference'.length,
    'tolerance'.length,
  ]
  const line = (cells: string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  const write = (text: string) => json || out.write(`${text}\n`)

  for (const { name, found } of engines) write(`${name}: ${found}`)
  write(line(['kind', 'name', 'engine', 'largest difference', 'tolerance', 'result']))
  return {
    add(row: Row): void {
      rows.push(row)
      const values = [row.kind, row.name, row.engine ?? '-', format(row.difference), format(row.tolerance)]
      write(`${line(values)}  ${verdict(row)}`)
    },
    end(): { fail: number; rows: number } {
      const fail = count('fail')
      const totals = { pass: count('pass'), fail, notImplemented: count('not implemented'), invalid: count('invalid') }
      if (json)
        out.write(
          `${JSON.stringify({ engines: engines.map(({ name, found }) => ({ name, found })), ...totals, rows }, null, 2)}\n`,
        )
      write(
        `\n${totals.pass} pass, ${fail} fail, ${totals.notImplemented} not implemented${totals.invalid > 0 ? `, ${totals.invalid} invalid` : ''}`,
      )
      return { fail, rows: rows.length }
    },
  }
}

function verdict({ result, message, difference }: Row): string {
  if (result === 'pass') return colors.green('pass')
  const word =
    result === 'fail'
      ? colors.red('FAIL')
      : result === 'invalid'
        ? colors.yellow('invalid')
        : colors.dim('not implemented')
  const why = difference === Number.POSITIVE_INFINITY ? `${message}: of another size, or NaN` : message
  return why ? `${word}  ${why}` : word
}

function format(value: number | null): string {
  if (value === null) return '-'
  return value === 0 || !Number.isFinite(value)
    ? String(value)
    : value >= 0.01 && value < 1000
      ? value.toPrecision(2)
      : value.toExponential(1)
}

function longest(texts: string[]): number {
  return Math.max(...texts.map((text) => text.length))
}
