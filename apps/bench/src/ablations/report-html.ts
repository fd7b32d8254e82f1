import { lastColumn, type Report, type ReportRow } from './report.js'

const style = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1a1a1a }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top }
th:first-child, td:first-child, .left { text-align: left }
code { font-size: .85em; background: #f3f3f3; padding: .1em .3em; border-radius: 3px }
.holds { color: #176b35 } .fails { color: #a32020 } .note { color: #555 }
svg { max-width: 100%; height: auto }
`

/** One self-contained page. */
export function toHtml(report: Report): string {
  const { title, source, scale, rows, columns, claims, charts, notes, command, machine } = report
  const last = lastColumn(report)
  const cells = (tag: string, values: readonly string[]) =>
    values.map((value) => `<${tag}>${text(value)}</${tag}>`).join('')
  const body = rows.map(
    (row) =>
      `<tr>${cells('td', [row.title, ...row.cells])}${last ? `<td class="left">${told(row)}</td>` : ''}</tr>${row.note ? `<tr><td colspan="${columns.length + 2}" class="left note">${text(row.note)}</td></tr>` : ''}`,
  )
  const verdicts = claims.map(
    ({ text: claim, verdict, because }) =>
      `<tr><td>${text(claim)}</td><td class="left ${verdict === 'holds' ? 'holds' : verdict === 'does not hold' ? 'fails' : 'note'}">${verdict}</td><td class="left">${text(because)}</td></tr>`,
  )
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(title)}</title><style>${style}</style>
<h1>${text(title)}</h1>
<p>${text(source)}.${scale ? ` Scale ${text(scale.name)}: ${text(scale.summary)}.` : ''}</p>
<p><code>${text(command)}</code></p>
<ul>${notes.map((note) => `<li>${text(note)}</li>`).join('')}</ul>
<table><tr>${cells('th', ['', ...columns])}${last ? `<th class="left">${last}</th>` : ''}</tr>${body.join('\n')}</table>
${verdicts.length > 0 ? `<h2>What of it holds</h2><table><tr><th>claim</th><th class="left">here</th><th class="left">because</th></tr>${verdicts.join('\n')}</table>` : ''}
${charts.map((chart) => `<h2>${text(chart.title)}</h2>${chart.svg}`).join('\n')}
<p class="note">${machine ? text(`Engine ${machine.engine}, ${machine.cpu.trim()}, ${machine.cores} cores, Node ${machine.node}, commit ${machine.commit}.`) : 'No run has finished yet.'}</p>
</html>
`
}

function told({ failed, settings }: ReportRow): string {
  return failed ? `failed: ${text(failed)}` : settings.map((setting) => `<code>${text(setting)}</code>`).join(' ')
}

function text(value: string): string {
  return value.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!)
}
