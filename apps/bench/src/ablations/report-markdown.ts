import type { Report } from './report.js'

/** For a repository: curves are the SVG files beside it. */
export function toMarkdown(report: Report): string {
  const { title, source, scale, rows, columns, claims, charts, notes, command, machine } = report
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const lines = [
    `# ${title}`,
    '',
    `${source}. Scale ${scale.name}: ${scale.summary}.`,
    '',
    `    ${command}`,
    '',
    ...notes.map((note) => `- ${note}`),
    '',
    line(['', ...columns, 'set, beside the row above']),
    line(['---', ...columns.map(() => '---:'), '---']),
    ...rows.map((row) =>
      line([
        row.title,
        ...row.cells,
        row.failed ? `failed: ${row.failed}` : row.settings.map((s) => `\`${s}\``).join(' ') || '-',
      ]),
    ),
    '',
    ...rows.flatMap((row) => (row.note ? [`${row.title}: ${row.note}.`, ''] : [])),
    ...(claims.length > 0
      ? ['## What the paper says of it', '', line(['claim', 'here', 'because']), line(['---', '---', '---'])]
      : []),
    ...claims.map(({ text, verdict, because }) => line([text, verdict, because || '-'])),
    '',
    ...charts.flatMap((chart, i) => [`![${chart.title}](${report.name}-${i}.svg)`, '']),
    machine
      ? `Engine ${machine.engine}, ${machine.cpu.trim()}, ${machine.cores} cores, Node ${machine.node}, commit ${machine.commit}.`
      : 'No run has finished yet.',
    '',
  ]
  return lines.join('\n').replace(/\n{3,}/g, '\n\n')
}
