/** What the preview adds to the style of the demo's page. */
export const PREVIEW_STYLE = `
main, header, footer { max-width: 1280px }
.picture { display: grid; grid-template-columns: minmax(0, 1.1fr) minmax(0, 2fr); gap: 20px; margin-top: 14px; padding: 16px; background: var(--card);
  border: 1px solid var(--rule); border-radius: 12px; break-inside: avoid }
.picture h3 { grid-column: 1 / -1; margin: 0; overflow-wrap: anywhere } .picture h3 span { color: var(--soft); font-weight: 400 }
.source { position: sticky; top: 12px; align-self: start; line-height: 0; border-radius: 8px; overflow: hidden }
.source > img { width: 100%; height: auto } .source svg { position: absolute; inset: 0; width: 100%; height: 100% }
.source rect { fill: none; stroke: #ffb04a; stroke-width: 2px; vector-effect: non-scaling-stroke; paint-order: stroke; transition: opacity .12s }
.source rect.global { stroke: #6db1ff } .source.focus rect { opacity: .12 } .source.focus rect.on { opacity: 1; stroke-width: 4px }
.views { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; align-content: start }
.view { border-top: 3px solid #d98322; cursor: help; outline-offset: 3px } .view.global { grid-column: span 2; border-color: #4a8fe0 }
.view > img { display: block; width: 100%; aspect-ratio: 1; border-radius: 0 0 6px 6px }
.view figcaption span { white-space: nowrap }
.steps { display: none; position: fixed; z-index: 2; left: 0; right: 0; bottom: 0; gap: 12px; padding: 14px 20px; overflow-x: auto; background: var(--card);
  border-top: 1px solid var(--rule); box-shadow: 0 -8px 30px #0003; justify-content: safe center }
.view:hover .steps, .view:focus .steps { display: flex }
.steps div { flex: none; width: 132px; font-size: 13px; line-height: 1.3; color: var(--soft) } .steps img { width: 132px; height: 132px; border-radius: 6px }
.rates { max-width: 760px } .rates td.bar { width: 34%; padding-right: 18px }
.rates meter { width: 100%; height: 12px } .off { color: var(--strong); font-weight: 700 }
.options { columns: 3 260px; font-size: 15px; margin-top: 12px } .options div { display: flex; justify-content: space-between; gap: 12px;
  border-bottom: 1px solid var(--rule); padding: 3px 0; break-inside: avoid } .options dt { color: var(--soft) } .options dd { margin: 0 }
@media (max-width: 820px) { .picture { grid-template-columns: 1fr } .source { position: relative; top: 0 } .views { grid-template-columns: 1fr 1fr }
  .view.global { grid-column: span 1 } }
`
