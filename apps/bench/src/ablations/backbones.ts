import type { Row } from './experiment.js'
import { byol, mocoV2, swav, twoCrops } from './methods.js'
import { departing, inFull, others, row } from './rows.js'
import type { Scale, Settings } from './scale.js'

/** Tables 2 and 13: methods on a ResNet and on a ViT, and the same networks on labels. */

const onResnet = (
  name: string,
  title: string,
  method: (scale: Scale) => Settings,
  paper: Row['paper'],
  note?: string,
) =>
  departing(
    row(`resnet-${name}`, `ResNet, ${title}`, (scale) => ({ ...scale.resnet, ...method(scale) }), paper, note),
    "optimizer, rates, temperature and crops are the reference's advice for DINO on a ResNet, which has 100 epochs and batches of 512: what these rows had is not told",
  )

const TWO_CROPS = 'two crops, as on the ViT: the paper gives multi-crop to SwAV and DINO alone'

export const table13: readonly Row[] = [
  onResnet(
    'moco-v2',
    'MoCo-v2',
    (scale) => ({ ...mocoV2(scale), ...twoCrops }),
    { linear: 71.1, knn: 62.9 },
    TWO_CROPS,
  ),
  onResnet('byol', 'BYOL', (scale) => ({ ...byol(scale), ...twoCrops }), { linear: 72.7, knn: 65.4 }, TWO_CROPS),
  onResnet('swav', 'SwAV', swav, { linear: 74.1, knn: 65.4 }),
  onResnet('dino', 'DINO', () => ({}), { linear: 74.5, knn: 65.6 }),
  others.mocoV2('ViT, MoCo-v2', { linear: 71.6, knn: 62.0 }),
  others.byol('ViT, BYOL', { linear: 71.4, knn: 66.6 }),
  others.swav('ViT, SwAV', { linear: 71.8, knn: 64.7 }),
  row('dino', 'ViT, DINO', {}, { linear: 76.1, knn: 72.8 }),
]

const onLabels = (name: string, title: string, settings: Row['settings'], accuracy: number): Row => ({
  ...departing(
    row(
      ...([name, title, settings, { linear: accuracy, knn: accuracy }] as const),
      'trained on the labels, with one random crop and a flip, for as many epochs: the classifier stands where the probe of the others does',
    ),
    'the paper quotes networks that others trained, by recipes of their own',
  ),
  supervised: true,
})

/** The same network on labels: table 2, figure 3. */
export const supervised = onLabels('supervised', 'ViT, supervised', () => ({}), 79.8)

/** A row of table 13 with the number of table 2, which often is that of a longer training. */
function ofTable2(name: string, paper: Row['paper'], own: (scale: Scale) => Settings, ...departures: string[]): Row {
  const each = table13.find((row) => row.name === name)!
  return departing(
    { ...each, paper: paper!, settings: (scale) => ({ ...each.settings(scale), ...inFull(scale, own(scale)) }) },
    ...departures,
  )
}

const usual = (): Settings => ({})
const longest = ({ epochs }: Scale): Settings => ({ epochs: epochs[2]! })
const QUOTED =
  "the paper quotes this from the method's own paper, whose epochs, batch and optimizer are others; ours is the row of table 13"
const LONG = 'a number above that of table 13: after how many epochs is not told, so as many as DINO'

export const table2: readonly Row[] = [
  onLabels('resnet-supervised', 'ResNet, supervised', ({ resnet }) => resnet, 79.3),
  ofTable2('resnet-moco-v2', { linear: 71.1, knn: 61.9 }, usual, QUOTED),
  ofTable2('resnet-byol', { linear: 74.4, knn: 64.8 }, usual, QUOTED),
  ofTable2('resnet-swav', { linear: 75.3, knn: 65.7 }, usual, QUOTED),
  ofTable2(
    'resnet-dino',
    { linear: 75.3, knn: 67.5 },
    (scale) => ({ ...longest(scale), batchSize: 4080 }),
    'a batch of 4080 is that of the released network (facebookresearch/dino issue 133); its epochs are not told',
  ),
  supervised,
  ofTable2('moco-v2', { linear: 72.7, knn: 64.4 }, longest, LONG),
  ofTable2('byol', { linear: 71.4, knn: 66.6 }, usual),
  ofTable2('swav', { linear: 73.5, knn: 66.3 }, longest, LONG),
  {
    ...ofTable2('dino', { linear: 77.0, knn: 74.5 }, longest),
    note: 'larger networks of table 2 are not reproduced: DINO on a ViT-S/8 (linear 79.7, k-NN 78.3), ViT-B/16 (78.2, 76.1), ViT-B/8 (80.1, 77.4)',
  },
]
