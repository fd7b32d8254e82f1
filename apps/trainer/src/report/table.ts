import Table from 'cli-table3'

/** Rows under a head, without colour or frame; columns of numbers are set right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const numeric = head.map(
    (_, i) => rows.length > 0 && rows.every((row) => /^([-+]?\d*\.?\d+(e[+-]?\d+)?( ?%)?|-?)$/.test(row[i] ?? '')),
  )
  const none = Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'].map((k) => [
      k,
      '',
    ]),
  )
  const drawn = new Table({
    head: [...head],
    colAligns: numeric.map((right) => (right ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: { ...none, left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' },
  })
  drawn.push(...rows.map((row) => [...row]))
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
