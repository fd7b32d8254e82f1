import { lineChart } from './chart.js'
import { type Example, gallery } from './gallery.js'
import { escapeHtml } from './html.js'
import type { BaselineScores, NetworkScores } from './measure.js'
import { STYLE } from './page-style.js'

/** All that the demo found out. Plain data: it could come from a file. */
export interface DemoResult {
  run: {
    seed: number
    /** Such as 'ViT, width 96, depth 4, patch 8'. */
    architecture: string
    /** Of the network that is kept, without its head. */
    parameters: number
    /** Pixels of a side of what it was trained on, and of a scene. */
    imageSize: number
    sceneSize: number
    /** K: the loss of a network that knows nothing is ln K. */
    prototypes: number
    steps: number
    batchSize: number
    trainingSeconds: number
    /** What computed, such as 'TensorFlow 2.21 on 2 CPU cores'. */
    engine: string
    /** Objects trained on and held out. */
    trainObjects: number
    testObjects: number
    categories: number
    /** Scenes that attention was measured on. */
    scenes: number
    /** What the training pictures were, a sentence; the page says nothing of it unless given. */
    trainedOn?: string
  }
  before: NetworkScores
  after: NetworkScores
  baselines: BaselineScores
  /** Of each step, or of some. */
  curves: { step: number; loss: number; teacherEntropy: number; kl: number }[]
  /** Category k-NN of the test objects while it trained, percent; the first at step 0. */
  knn: { step: number; teacher: number; student?: number }[]
  examples: Example[]
}

/** The result as one HTML page that asks nothing of the network. */
export async function renderPage(result: DemoResult): Promise<string> {
  const { run } = result
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DINO on ${count(run.trainObjects + run.testObjects)} small pictures: what it learned</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
${head(result)}
<main>
<section>
<h2>Did it learn?</h2>
<p class="note">Scored the same way before and after; categories and attention on objects that were not in training. The columns to the right need no
training: what pixels and colours alone, or a guess, would score.</p>
${featureTable(result)}
${attentionTable(result)}
${remarks(result)}
</section>
<section>
<h2>Where it looks</h2>
<p class="note">The first ${result.examples.length} scenes, not the best. Each has one object that was not in training, on a ground made of
blurred pieces of others. Colour shows the average of the heads' attention; the white line holds 60 % of it; the number is its
Jaccard index with the object.</p>
${await gallery(result.examples)}
</section>
<section>
<h2>How training went</h2>
<div class="columns">${lossPanel(result)}${knnPanel(result)}</div>
</section>
${method(result)}
</main>
<footer>Made by <code>dino demo</code>, seed ${run.seed}. Pictures: Fluent Emoji (Microsoft, MIT). Method: Caron et al., Emerging
Properties in Self-Supervised Vision Transformers, ICCV 2021.</footer>
</body>
</html>
`
}

/** Below this ratio of Jaccard indices the page does not claim that the network learned to look. */
const CLAIM = 1.5

function head({ run, before, after, baselines }: DemoResult): string {
  const facts = [
    ['Labels used', '0'],
    ['Training', duration(run.trainingSeconds)],
    ['Steps × batch', `${count(run.steps)} × ${run.batchSize}`],
    ['Objects seen', count(run.trainObjects)],
    ['Held out', count(run.testObjects)],
    ['Parameters', count(run.parameters)],
  ]
  const times = ratio(after.attention.meanHead, before.attention.meanHead)
  const headline =
    times >= CLAIM && after.attention.meanHead > baselines.attention.random
      ? `Nobody told it what an object is. It looks at objects <em>${times.toFixed(1)} times as well</em> as before.`
      : 'This run did not learn to look at objects. Train it longer.'
  return `<header>
<p class="kicker">DINO, self-distillation with no labels</p>
<h1>${headline}</h1>
<p class="lead">A small vision transformer (${escapeHtml(run.architecture)}) was trained from scratch on ${count(run.trainObjects)} pictures of
${run.imageSize} pixels, by predicting from crops what a slower copy of itself says. ${escapeHtml(run.engine)}.</p>
<dl class="facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>
</header>`
}

function featureTable({ run, before, after, baselines: { pixels, histogram, chance } }: DemoResult): string {
  const row = (name: string, note: string, key: 'knn' | 'retrieval') =>
    tableRow(name, note, [before[key], after[key], pixels[key], histogram[key], chance[key]], percent, gainInPoints)
  return table(
    'What its features know',
    'percent right; higher is better',
    ['untrained', 'trained', 'pixels', 'colours', 'chance'],
    [
      row('Category', `by 10 nearest objects, ${run.categories} categories`, 'knn'),
      row('Which object', `of all ${count(run.trainObjects + run.testObjects)}, by a crop of it`, 'retrieval'),
    ],
  )
}

function attentionTable({ run, before, after, baselines: { attention } }: DemoResult): string {
  const row = (name: string, note: string, key: 'meanHead' | 'bestHead' | 'bestHeadOfEachImage') =>
    tableRow(
      name,
      note,
      [
        before.attention[key],
        after.attention[key],
        ...(key === 'meanHead' ? [attention.random, attention.centre] : []),
      ],
      (value) => value.toFixed(3),
      gainInTimes,
      4,
    )
  return table(
    'Where its attention is',
    `Jaccard index with the object, 0 to 1, over ${count(run.scenes)} scenes; higher is better`,
    ['untrained', 'trained', 'anywhere', 'the middle'],
    [
      row('Mean of the heads', '60 % of the averaged attention', 'meanHead'),
      row('Best head', 'the one that is best on average', 'bestHead'),
      row('Best head of each scene', 'chosen knowing the answer, as in the paper', 'bestHeadOfEachImage'),
    ],
  )
}

function table(title: string, unit: string, columns: string[], rows: string[]): string {
  const heads = columns
    .map((name, i) => `<th scope="col" role="columnheader"${i === 1 ? ' class="after"' : ''}>${name}</th>`)
    .join('')
  // On a phone the rows are grids, which takes the roles of a table from them in some browsers: they are written out.
  return `<div class="scores" style="--columns:${columns.length}"><table role="table"><caption>${title}<span>${unit}</span></caption>
<thead role="rowgroup"><tr role="row"><td role="cell"></td>${heads}</tr></thead>
<tbody role="rowgroup">${rows.join('')}</tbody></table></div>`
}

function tableRow(
  name: string,
  note: string,
  values: readonly number[],
  show: (value: number) => string,
  gain: (after: number, before: number) => string,
  columns = values.length,
): string {
  const cells = values.map((value, i) =>
    i === 1
      ? `<td role="cell" class="after">${show(value)}<span class="gain">${gain(value, values[0])}</span></td>`
      : `<td role="cell">${show(value)}</td>`,
  )
  while (cells.length < columns) cells.push('<td role="cell" class="none">–</td>')
  return `<tr role="row"><th scope="row" role="rowheader">${name}<span>${note}</span></th>${cells.join('')}</tr>`
}

/** What an honest reader would add. */
function remarks({ after, baselines: { pixels, histogram, attention } }: DemoResult): string {
  const said: string[] = []
  if (Math.max(pixels.knn, histogram.knn) > after.knn) {
    said.push('The colours of an emoji say a lot about its category: without learning, they do better here.')
  }
  if (histogram.retrieval > after.retrieval) {
    said.push(
      'A crop keeps its colours, so a colour histogram finds the object again more often than a network of minutes.',
    )
  }
  if (attention.centre > after.attention.meanHead) {
    said.push('Always looking at the middle scores higher: objects of this size reach into it more often than not.')
  }
  return said.length > 0 ? `<p class="note">${said.join(' ')}</p>` : ''
}

function lossPanel({ run, curves }: DemoResult): string {
  const points = (key: 'loss' | 'teacherEntropy' | 'kl') => curves.map((at) => [at.step, at[key]] as const)
  const last = curves[curves.length - 1]
  const lnK = Math.log(run.prototypes)
  const chart = lineChart({
    id: 'loss',
    title: 'Loss, teacher entropy and KL divergence over steps',
    description: `They end at ${last.loss.toFixed(2)}, ${last.teacherEntropy.toFixed(2)} and ${last.kl.toFixed(2)}; ln K is ${lnK.toFixed(2)}.`,
    xLabel: 'step',
    yLabel: 'nats',
    yFrom: 0,
    series: [
      { name: 'loss', kind: 'loss', points: points('loss') },
      { name: 'entropy', kind: 'entropy', points: points('teacherEntropy') },
      { name: 'KL', kind: 'kl', points: points('kl') },
    ],
    levels: [{ name: `ln K = ${lnK.toFixed(2)}`, value: lnK }],
  })
  const shown = Math.min(9, curves.length)
  const rows = Array.from({ length: shown }, (_, i) => {
    const at = curves[Math.round((i * (curves.length - 1)) / Math.max(1, shown - 1))]
    return [count(at.step), at.loss.toFixed(3), at.teacherEntropy.toFixed(3), at.kl.toFixed(3)]
  })
  return `<div class="panel"><h3>Loss = teacher entropy + KL</h3>${chart}
<p class="note">A loss that stays at ln K, or an entropy at 0 or at ln K with KL near 0, is a collapse. The loss alone says
little: its target moves.</p>${numbers(['step', 'loss', 'entropy', 'KL'], rows)}</div>`
}

function knnPanel({ knn, baselines: { pixels, histogram } }: DemoResult): string {
  const student = knn.flatMap((at) => (at.student === undefined ? [] : [[at.step, at.student] as const]))
  const [first, last] = [knn[0], knn[knn.length - 1]]
  const chart = lineChart({
    id: 'knn',
    title: 'Category k-NN accuracy over steps',
    description: `The teacher goes from ${percent(first.teacher)} to ${percent(last.teacher)} percent; pixels reach ${percent(pixels.knn)}.`,
    xLabel: 'step',
    yLabel: 'percent right',
    series: [
      { name: 'teacher', kind: 'teacher', points: knn.map((at) => [at.step, at.teacher] as const) },
      ...(student.length > 0 ? [{ name: 'student', kind: 'student', points: student }] : []),
    ],
    levels: [
      { name: 'pixels', value: pixels.knn },
      { name: 'colours', value: histogram.knn },
    ],
  })
  const rows = knn.map((at) => [
    count(at.step),
    percent(at.teacher),
    ...(student.length > 0 ? [at.student === undefined ? '–' : percent(at.student)] : []),
  ])
  return `<div class="panel"><h3>Category by k-NN, while it trained</h3>${chart}
<p class="note">The teacher is a running average of the student, and the one that is kept. Labels serve this measure alone.</p>
${numbers(['step', 'teacher', ...(student.length > 0 ? ['student'] : [])], rows)}</div>`
}

function numbers(columns: string[], rows: string[][]): string {
  const heads = columns.map((name) => `<th scope="col">${name}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('')
  return `<details><summary>The numbers</summary><table><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></details>`
}

function method({ run }: DemoResult): string {
  return `<section><h2>How it was measured</h2>
<p>${count(run.trainObjects + run.testObjects)} objects in ${run.categories} categories; skin-tone variants are left out, and gender variants of one emoji
are never split between training (${count(run.trainObjects)}) and test (${count(run.testObjects)}). ${escapeHtml(run.trainedOn ?? '')}</p>
<p><b>Category.</b> The ten training objects with the most similar features vote, each with exp(cosine / 0.07). <b>Which object.</b>
From a crop of 35 to 80 % of the area, every second one mirrored, the most similar of all objects is taken.
<b>Attention.</b> Of [CLS] to the patches in the last block; a mask is the smallest set of patches that holds 60 % of it, scored
against the patches that the object covers at least by half. Scenes have ${run.sceneSize} pixels a side.</p>
<p><b>Compared with.</b> Pixels: less their mean. Colours: a histogram of 64. Chance: the largest category; any object. Anywhere: random attention. The
middle: a hill of a quarter of the width.</p></section>`
}

function gainInPoints(after: number, before: number): string {
  const points = after - before
  return `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(1)}`
}

function gainInTimes(after: number, before: number): string {
  return `× ${ratio(after, before).toFixed(2)}`
}

function ratio(after: number, before: number): number {
  return after / Math.max(before, 1e-6)
}

function percent(value: number): string {
  return value.toFixed(1)
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

function duration(seconds: number): string {
  const whole = Math.round(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
