import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFileAtomic } from '@dino/weights/node'
import { output } from '../child.js'
import { attentionExperiment } from './experiments.js'
import { plan } from './plan.js'
import { runPlan } from './run-plan.js'
import { scales } from './scale.js'
import { commandOf, dataOf, onSignals, type Streams, type VerbFlags } from './verb.js'

/** Jaccard index of thresholded attention on VOC12, percent (figure 4). */
const PAPER = { random: 22.0, supervised: 27.3, dino: 45.9 }
const TITLES = { random: 'random weights', supervised: 'supervised', dino: 'DINO' }

type Network = keyof typeof PAPER

/** Jaccard indices, 0 to 1, as `dino eval attention` tells them. */
interface Scored {
  bestHead: number
  meanHead: number
}

export interface AttentionReport {
  command: string
  scale: string
  networks: { network: Network; bestHead: number; meanHead: number; paper: number }[]
  claims: { text: string; holds: boolean }[]
}

const dinoCli = fileURLToPath(import.meta.resolve('@dino/trainer')).replace(/index\.js$/, 'cli.js')

export async function runAttention(flags: VerbFlags, { stdout, stderr }: Streams): Promise<number> {
  const scale = scales[flags.scale]
  const out = resolve(flags.out, scale.name)
  const data = await dataOf(flags, scale, out, stderr)
  const [run] = plan(attentionExperiment, scale, 1, { out, data, threads: 0 })
  const signal = onSignals()
  const end = await runPlan([run!], { data, measures: ['knn'], jobs: 1, stderr, signal })
  if (signal.aborted) return 130
  if (end.failed > 0) return 1

  // Labels teach the same network for as many epochs; a run that stopped goes on.
  const supervised = join(out, 'runs', `${run!.key}-supervised`)
  const epochs = String(run!.config.epochs)
  stderr.write('supervised: begins\n')
  await dino([
    'eval',
    'finetune',
    'random',
    '--like',
    run!.folder,
    '--data',
    data,
    '--epochs',
    epochs,
    '--batch-size',
    String(run!.config.batchSize),
    '--output-dir',
    supervised,
    '--json',
  ])
  const weights = join(supervised, 'weights.safetensors')
  const masks = flags.data === undefined ? ['--data', join(data, 'val'), '--masks', 'alpha'] : ['--data', data]
  const text = await dino([
    'eval',
    'attention',
    run!.folder,
    ...masks,
    '--compare',
    weights,
    '--compare',
    'random',
    '--json',
  ])
  const scores = JSON.parse(text) as { networks: Scored[] }
  const [dinoScore, supervisedScore, randomScore] = scores.networks
  const found: Record<Network, Scored> = { dino: dinoScore!, supervised: supervisedScore!, random: randomScore! }
  const report = attentionReport(found, commandOf(attentionExperiment, flags), scale.name)
  const folder = resolve(flags.report ?? out)
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(join(folder, 'attention.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeFileAtomic(join(folder, 'attention.md'), attentionMarkdown(report))
  stdout.write(flags.json ? `${JSON.stringify(report)}\n` : attentionMarkdown(report))
  return 0

  function dino(args: string[]): Promise<string> {
    return output(process.execPath, [dinoCli, ...args])
  }
}

export function attentionReport(found: Record<Network, Scored>, command: string, scale: string): AttentionReport {
  const networks = (['random', 'supervised', 'dino'] as const).map((network) => ({
    network,
    bestHead: 100 * found[network].bestHead,
    meanHead: 100 * found[network].meanHead,
    paper: PAPER[network],
  }))
  return {
    command,
    scale,
    networks,
    claims: [
      {
        text: 'Attention after DINO covers objects better than after training on labels',
        holds: found.dino.bestHead > found.supervised.bestHead,
      },
      {
        text: 'Attention after training on labels covers them better than that of random weights',
        holds: found.supervised.bestHead > found.random.bestHead,
      },
    ],
  }
}

export function attentionMarkdown({ command, scale, networks, claims }: AttentionReport): string {
  return [
    `# ${attentionExperiment.title}`,
    '',
    `${attentionExperiment.source}. Scale ${scale}; the paper's are Pascal VOC 2012 with a ViT-S/16.`,
    '',
    `    ${command}`,
    '',
    '| | best head, Jaccard % | mean of heads % | paper, best head % |',
    '| --- | ---: | ---: | ---: |',
    ...networks.map(
      ({ network, bestHead, meanHead, paper }) =>
        `| ${TITLES[network]} | ${bestHead.toFixed(1)} | ${meanHead.toFixed(1)} | ${paper.toFixed(1)} |`,
    ),
    '',
    ...claims.map(({ text, holds }) => `- ${text}: ${holds ? 'holds' : 'does not hold'}.`),
    '',
  ].join('\n')
}
