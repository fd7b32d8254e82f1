/** The page's style: light and dark, phone to desktop, nothing from elsewhere. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #fbfaf8; --card: #ffffff; --ink: #1b1a22; --soft: #5d5a69; --rule: #e4e0da; --strong: #b3372b;
  --tint: #fdf1e7; --loss: #1d5fc2; --entropy: #b35900; --kl: #0b7a68; --student: #0b7a68;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121118; --card: #1b1a23; --ink: #efedf4; --soft: #a5a1b3; --rule: #33303f; --strong: #ff9a6b;
    --tint: #2a2027; --loss: #77b1ff; --entropy: #f5ab4a; --kl: #4fd0b4; --student: #4fd0b4;
  }
}
* { box-sizing: border-box }
body {
  margin: 0; background: var(--ground); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 17px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
body::before {
  content: ""; display: block; height: 6px;
  background: linear-gradient(90deg, #1f0c48, #550f6d, #88226a, #ba3655, #e35933, #f98c0a, #f9c932, #fcffa4);
}
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 20px }
header { padding-top: 40px }
.kicker { margin: 0; color: var(--soft); font-size: 15px; letter-spacing: .02em }
h1 { margin: 6px 0 14px; font-size: clamp(29px, 5.2vw, 46px); line-height: 1.12; letter-spacing: -.022em; text-wrap: balance }
h1 em { font-style: normal; color: var(--strong) }
h2 { margin: 56px 0 4px; font-size: 25px; line-height: 1.2; letter-spacing: -.015em }
h3 { margin: 0 0 8px; font-size: 15px; font-weight: 600; line-height: 1.3 }
p { margin: 8px 0 0; max-width: 68ch; text-wrap: pretty }
.lead { font-size: 19px; color: var(--soft) }
.note { color: var(--soft); font-size: 15px }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 1px; margin: 28px 0 0; padding: 0;
  background: var(--rule); border: 1px solid var(--rule); border-radius: 12px; overflow: hidden }
.facts div { background: var(--card); padding: 12px 16px }
.facts dt { color: var(--soft); font-size: 14px }
.facts dd { margin: 0; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums }
.scores { margin: 18px 0 0; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; overflow: hidden }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; padding: 14px 18px 2px; font-weight: 600 }
caption span { display: block; font-weight: 400; color: var(--soft); font-size: 15px }
th, td { padding: 11px 12px; text-align: right; white-space: nowrap; border-top: 1px solid var(--rule) }
thead th, thead td { border-top: 0 }
thead th { font-weight: 500; font-size: 15px; color: var(--soft); vertical-align: bottom }
th:first-child { padding-left: 18px; text-align: left; white-space: normal; min-width: 190px }
td:last-child, th:last-child { padding-right: 18px }
tbody th { font-weight: 500 }
tbody th span { display: block; font-weight: 400; color: var(--soft); font-size: 14px; line-height: 1.35 }
.after { background: var(--tint); font-weight: 700 }
thead .after { color: var(--ink) }
.gain { display: block; font-size: 13px; font-weight: 500; color: var(--strong) }
.none { color: var(--soft) }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 20px; margin-top: 18px }
.panel, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 16px; min-width: 0 }
.chart { display: block; width: 100%; height: auto; font-size: 13px; font-family: inherit; overflow: visible }
.chart text { fill: var(--soft) }
.grid { stroke: var(--rule); fill: none }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.level { fill: none; stroke: var(--soft); stroke-width: 1.3; stroke-dasharray: 5 4 }
.loss { stroke: var(--loss) } .entropy { stroke: var(--entropy) } .kl { stroke: var(--kl) }
.teacher { stroke: var(--loss) } .student { stroke: var(--student) }
circle.teacher { fill: var(--loss); stroke: none } circle.student { fill: var(--student); stroke: none }
.chart .name { stroke: none; font-weight: 600 }
.chart .name.level { font-weight: 400; fill: var(--soft) }
.chart .name.loss, .chart .name.teacher { fill: var(--loss) }
.chart .name.entropy { fill: var(--entropy) } .chart .name.kl, .chart .name.student { fill: var(--kl) }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 16px; margin-top: 18px }
.shots { display: grid; grid-template-columns: repeat(4, 1fr); gap: 8px }
figure { margin: 0; min-width: 0 }
figcaption { margin-top: 4px; font-size: 13px; line-height: 1.3; color: var(--soft); font-variant-numeric: tabular-nums }
figcaption b { color: var(--ink) }
.shot { position: relative; aspect-ratio: 1; border-radius: 7px; overflow: hidden; background: #0a0a10 }
.shot img, .contour { position: absolute; inset: 0; width: 100%; height: 100%; display: block }
.gray { filter: grayscale(1) }
.veil { image-rendering: pixelated }
.contour path { fill: none; stroke: #fff; stroke-width: 1.6px; vector-effect: non-scaling-stroke; stroke-linecap: square }
details { margin-top: 14px } summary { cursor: pointer; color: var(--soft); font-size: 15px }
details table { margin-top: 8px; font-size: 15px } details th, details td { padding: 5px 10px }
footer { margin-top: 56px; padding-top: 18px; padding-bottom: 48px; border-top: 1px solid var(--rule); color: var(--soft); font-size: 15px }
code { font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
@media (max-width: 560px) {
  body { font-size: 16px } header { padding-top: 26px } h2 { margin-top: 44px }
  .panel, .card { padding: 12px } .shots { gap: 6px } .facts { grid-template-columns: 1fr 1fr }
  .scores table, .scores tbody, .scores thead { display: block } .scores caption { display: block; padding: 12px 14px 2px }
  .scores tr { display: grid; grid-template-columns: repeat(var(--columns), 1fr); border-top: 1px solid var(--rule) }
  .scores thead tr { border-top: 0 } .scores thead td { display: none }
  .scores th, .scores td { border: 0; padding: 8px 6px; text-align: center }
  .scores tbody th { grid-column: 1 / -1; grid-row: 1; padding: 10px 14px 2px; text-align: left } .scores tbody td { grid-row: 2 }
  .scores thead th:first-child { min-width: 0; padding-left: 6px; text-align: center } .scores thead th { font-size: 14px }
  .contour path { stroke-width: 1.4px } figcaption b { display: block }
}
@media print { body { background: #fff } .card, .panel { break-inside: avoid } }
`
