import { lastColumn, type Report, type ReportRow } from './report.js'

/** For a repository: curves are the SVG files beside it. */
export function toMarkdown(report: Report): string {
  const { title, source, scale, rows, columns, claims, charts, notes, command, machine } = report
  const last = lastColumn(report)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const lines = [
    `# ${title}`,
    '',
    scale ? `${source}. Scale ${scale.name}: ${scale.summary}.` : `${source}.`,
    '',
    `    ${command}`,
    '',
    ...notes.map((note) => `- ${note}`),
    '',
    line(['', ...columns, ...(last ? [last] : [])]),
    line(['---', ...columns.map(() => '---:'), ...(last ? ['---'] : [])]),
    ...rows.map((row) => line([row.title, ...row.cells, ...(last ? [told(row)] : [])])),
    '',
    ...rows.flatMap((row) => (row.note ? [`${row.title}: ${row.note}.`, ''] : [])),
    ...(claims.length > 0
      ? ['## What of it holds', '', line(['claim', 'here', 'because']), line(['---', '---', '---'])]
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

function told({ failed, settings }: ReportRow): string {
  return failed ? `failed: ${failed}` : settings.map((setting) => `\`${setting}\``).join(' ') || '-'
}
