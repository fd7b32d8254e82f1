import type { Init } from './init.js'

/** What a run takes from `--init`: all that fits and all that does not, by name. */
export function printInit({ origin, report }: Init): string {
  const lines = [
    `Init: ${origin.file}, ${origin.parts === 'all' ? 'networks, heads, center and optimizer' : 'the backbone'} (${origin.digest})`,
    `  matched: ${counted(report.matched)}`,
    ...(report.resized.length > 0 ? [`  resized to this grid: ${report.resized.join(', ')}`] : []),
    ...(report.fresh.length > 0 ? [`  not in it, fresh: ${counted(report.fresh)}`] : []),
    ...(report.unused.length > 0 ? [`  not used: ${named(report.unused)}`] : []),
    ...report.notes.map((note) => `  ${note}`),
  ]
  return `${lines.join('\n')}\n`
}

/** `student.backbone.* 150, center`: parts of a run with how many of their tensors. */
function counted(names: string[]): string {
  const parts = new Map<string, string[]>()
  for (const name of names) {
    const [first, second] = name.split('.')
    const part = second === undefined ? first! : `${first}.${second}.*`
    parts.set(part, [...(parts.get(part) ?? []), name])
  }
  const texts = [...parts].map(([part, list]) => (list.length === 1 ? list[0]! : `${part} ${list.length}`))
  return texts.join(', ') || 'nothing'
}

function named(names: string[]): string {
  const shown = names.slice(0, 5).join(', ')
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown
}
