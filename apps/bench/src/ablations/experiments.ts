import { appendix } from './appendix.js'
import { above, type Claim, type Experiment, inNoMoreTime, learnsNothing, mean, shown } from './experiment.js'
import {
  figure5,
  figure6,
  figure7,
  supervised,
  table2,
  table7,
  table8,
  table9,
  table13,
  table14,
  table15,
  trial,
} from './rows.js'

/** Teacher entropy or KL at the end, as a share of ln K, below or above a bound. */
function ends(
  row: string,
  what: 'teacherEntropy' | 'kl',
  bound: { below: number } | { above: number },
  text: string,
): Claim {
  return {
    text,
    holds(outcome) {
      const found = outcome(row)
      if (!found?.[what].length) return undefined
      const share = mean(found[what]) / found.lnK
      return {
        holds: 'below' in bound ? share < bound.below : share > bound.above,
        because: `${shown(found[what], 3)} nats, ln K ${found.lnK.toFixed(2)}`,
      }
    },
  }
}

const teacherLeads: Claim = {
  text: 'The momentum teacher is better than its student through most of training (figure 6, left)',
  holds(outcome) {
    const found = outcome('momentum')?.teacherLeads
    if (!found?.length) return undefined
    return {
      holds: mean(found) > 0.5,
      because: `ahead in ${shown(
        found.map((x) => 100 * x),
        0,
      )} % of evaluations`,
    }
  },
}

const drawnTogether: Claim = {
  text: 'Without its predictor, outputs of BYOL draw together',
  holds(outcome) {
    const [without, whole] = [outcome('byol-no-predictor')?.outputSpread, outcome('byol')?.outputSpread]
    if (!without?.length || !whole?.length) return undefined
    const because = `spread ${shown(without, 2)} against ${shown(whole, 2)} at the end; 0 is collapse`
    return { holds: mean(without) < mean(whole) / 1.5, because }
  },
}

export const experiments: readonly Experiment[] = [
  {
    name: 'table2',
    title: 'Methods on a ResNet and on a ViT',
    source: 'Caron et al. 2021, table 2',
    rows: table2,
    measures: ['linear', 'knn'],
    claims: [
      above('dino', 'moco-v2', 'DINO is ahead of MoCo-v2 on a ViT, by k-NN'),
      above('dino', 'byol', 'DINO is ahead of BYOL on a ViT, by k-NN'),
      above('dino', 'swav', 'DINO is ahead of SwAV on a ViT, by k-NN'),
    ],
  },
  {
    name: 'table7',
    title: 'Important components of self-supervised ViT training',
    source: 'Caron et al. 2021, table 7',
    rows: table7,
    measures: ['knn', 'linear'],
    claims: [
      learnsNothing('no-momentum', 'Without momentum nothing is learned'),
      above('dino', 'no-multicrop', 'Multi-crop is better than two crops'),
      above('dino', 'mse', 'Cross-entropy is better than the squared error'),
      above('dino', 'predictor', 'A predictor brings nothing'),
      above('dino', 'byol', 'DINO is ahead of BYOL'),
      above('dino', 'moco-v2', 'DINO is ahead of MoCo-v2'),
      above('dino', 'swav', 'DINO is ahead of SwAV'),
    ],
  },
  {
    name: 'table8',
    title: 'Multi-crop: time, memory, accuracy',
    source: 'Caron et al. 2021, table 8',
    rows: table8,
    measures: ['linear', 'knn'],
    claims: [
      above('2+2', '2', 'Two local crops are better than none', 'linear'),
      above('2+6', '2', 'Six local crops are better than none', 'linear'),
      above('2+10', '2', 'Ten local crops are better than none', 'linear'),
      inNoMoreTime('2+6', '2-longer', 'Multi-crop is better than two crops at equal time'),
      inNoMoreTime('2+10-short', '2', 'Ten local crops are better than none in less time (24 h against 46 h)'),
    ],
    cost: true,
  },
  {
    name: 'table9',
    title: 'Batch size',
    source: 'Caron et al. 2021, table 9',
    rows: table9,
    measures: ['knn'],
    claims: [above('batch-1024', 'batch-128', 'A larger batch is a little better')],
    cost: true,
  },
  {
    name: 'table13',
    title: 'Methods, on each backbone with the same settings',
    source: 'Caron et al. 2021, table 13',
    rows: table13,
    measures: ['linear', 'knn'],
    claims: [
      above('resnet-dino', 'resnet-moco-v2', 'On a ResNet, DINO is ahead of MoCo-v2'),
      above('dino', 'byol', 'On a ViT, DINO is ahead of BYOL'),
    ],
  },
  {
    name: 'table14',
    title: 'From BYOL and MoCo-v2 to DINO, piece by piece',
    source: 'Caron et al. 2021, table 14',
    rows: table14,
    measures: ['linear', 'knn'],
    claims: [
      above('dino', 'mse', 'Cross-entropy is better than the squared error', 'linear'),
      above('byol', 'byol-no-predictor', 'BYOL needs its predictor', 'linear'),
      drawnTogether,
      above(
        'byol-center',
        'byol-no-predictor',
        'A center alone prevents the collapse that a missing predictor brings',
        'linear',
      ),
      above('moco-v2-mc', 'moco-v2', 'Multi-crop helps MoCo-v2', 'linear'),
      above('byol', 'byol-mc', 'Multi-crop hurts BYOL', 'linear'),
    ],
  },
  {
    name: 'table15',
    title: 'What prevents collapse, with and without momentum',
    source: 'Caron et al. 2021, table 15',
    rows: table15,
    measures: ['linear', 'knn'],
    claims: [
      learnsNothing('no-momentum', 'Without momentum a center is not enough: nothing is learned'),
      above(
        'no-momentum-softmax-batch',
        'no-momentum',
        'Without momentum, a softmax over the batch prevents collapse',
        'linear',
      ),
      above('no-momentum-sinkhorn', 'no-momentum', 'Without momentum, Sinkhorn-Knopp prevents collapse', 'linear'),
      above('dino', 'no-momentum-sinkhorn', 'Momentum is better than none', 'linear'),
    ],
  },
  {
    name: 'figure5',
    title: 'Patch size: accuracy against throughput',
    source: 'Caron et al. 2021, figure 5',
    rows: figure5,
    measures: ['knn'],
    claims: [above('patch-8', 'patch-16', 'Smaller patches are better')],
    cost: true,
  },
  {
    name: 'figure6',
    title: 'Teachers, and teacher against student over training',
    source: 'Caron et al. 2021, figure 6',
    rows: figure6,
    measures: ['knn'],
    curves: ['knn'],
    claims: [
      learnsNothing('student', "The student's copy as its teacher learns nothing"),
      learnsNothing('previous-iteration', 'The previous iteration as teacher learns nothing'),
      above('previous-epoch', 'student', 'The previous epoch as teacher learns, without collapse'),
      above('momentum', 'previous-epoch', 'Momentum is the best teacher'),
      teacherLeads,
    ],
  },
  {
    name: 'figure7',
    title: 'Collapse: teacher entropy and KL with and without each operation',
    source: 'Caron et al. 2021, figure 7',
    rows: figure7,
    measures: ['knn'],
    curves: ['teacherEntropy', 'kl'],
    claims: [
      ends('no-centering', 'teacherEntropy', { below: 0.05 }, 'Without centering, the teacher entropy falls to 0'),
      ends('no-sharpening', 'teacherEntropy', { above: 0.95 }, 'Without sharpening, the teacher entropy rises to ln K'),
      ends('no-centering', 'kl', { below: 0.05 }, 'Without centering, KL goes to 0'),
      ends('no-sharpening', 'kl', { below: 0.05 }, 'Without sharpening, KL goes to 0'),
      ends('both', 'kl', { above: 0.05 }, 'With both, KL stays above 0'),
    ],
  },
  {
    name: 'appendix',
    title: 'K, head, center momentum, temperature, heads, crops, epochs',
    source: 'Caron et al. 2021, appendix C to E',
    rows: appendix,
    measures: ['knn'],
    claims: [
      above('head-4', 'head-2', 'A deeper head is better, with the l2 bottleneck'),
      learnsNothing('head-4-no-bottleneck', 'Four layers without the l2 bottleneck learn nothing'),
      learnsNothing('center-0.999', 'A center momentum of .999 collapses'),
      learnsNothing('temp-0.08', 'A teacher temperature of .08 collapses'),
      above('temp-0.04', 'temp-0', 'A hard assignment is worse than .04'),
      above('epochs-300', 'epochs-100', 'Longer training is better'),
    ],
  },
]

/** Not of the paper: two runs of seconds, at scale tiny. */
export const trialExperiment: Experiment = {
  name: 'trial',
  title: 'Two runs of seconds: tries the bench itself',
  source: 'no table of the paper',
  rows: trial,
  measures: ['knn'],
  claims: [above('small', 'smaller', 'A model of seconds is no worse than a smaller one')],
  curves: ['loss', 'knn'],
  cost: true,
}

/** Figures 3 and 4: what [CLS] looks at, after DINO, after training on labels, and before any. */
export const attentionExperiment: Experiment = {
  name: 'attention',
  title: 'Attention of [CLS] against the outline of objects: DINO, supervised, random',
  source: 'Caron et al. 2021, figures 3 and 4',
  rows: [...table7.filter((row) => row.name === 'dino' || row.name === 'untrained'), supervised],
  measures: ['knn'],
  claims: [],
}
