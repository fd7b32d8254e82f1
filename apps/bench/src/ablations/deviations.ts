import { kebab, printed, resolveConfig, type TrainConfig } from '@dino/trainer'
import { localsOf } from './rows.js'
import { type Scale, scales } from './scale.js'

/** What is not of what a run learns, or follows from the rest. */
const BESIDE_THE_POINT: ReadonlySet<string> = new Set([
  'arch',
  'data',
  'outputDir',
  'numWorkers',
  'imgSize',
  'saveckpFreq',
  'checkpointMinutes',
  'knnFreq',
] satisfies (keyof TrainConfig)[])

/** Where all rows of a scale are not what the paper trained, or where that is not known. */
export function deviationsOf(scale: Scale): string[] {
  const all = ['one process and fp32 or bf16 products, where the paper had 16 GPUs and fp16']
  if (scale.name === 'imagenet') return [...all, ...unknown]
  return [...all, `images, model and length are the scale's: ${scale.summary}`, ...smaller(scale)]
}

const unknown = [
  'clip_grad 0, min_lr 1e-5 and norm_last_layer false are from memory of the released settings of 800 epochs, in agreement with the author in facebookresearch/dino issue 122; the settings themselves were not at hand',
  'crop scales (.25, 1) and (.05, .25) are those of 800 epochs, as another library quotes them. That rows of 300 and 100 epochs differ from them by their length alone, ten local crops and all, is our reading: linear 76.1 of table 7 is that of ten local crops in table 8',
  'batch norm (of BYOL, SwAV and ResNets) and the queue of MoCo-v2 want the whole batch at once, which one GPU may not hold; how those of the paper shared statistics is not told',
]

/** All settings of the base that are not those of scale imagenet, and what stands for the counts of the paper's tables. */
function smaller(scale: Scale): string[] {
  const { base, methods, resnet } = scale
  const own = resolveConfig({ ...base, data: 'DIR' })
  const full = resolveConfig({ ...scales.imagenet.base, data: 'DIR' })
  const keys = (Object.keys(own) as (keyof TrainConfig)[]).filter(
    (key) => !BESIDE_THE_POINT.has(key) && JSON.stringify(own[key]) !== JSON.stringify(full[key]),
  )
  const told = (value: unknown) => (value === undefined ? 'of the architecture' : printed(value))
  const count = (values: readonly number[]) => values.join(', ')
  return [
    `settings, with those of scale imagenet in brackets: ${keys.map((key) => `--${kebab(key)} ${told(own[key])} (${told(full[key])})`).join(', ')}`,
    'little colour jitter, no grayscale and no solarize, since on small images they drown what there is to see',
    `for epochs 100, 300, 800 there are ${count(scale.epochs)}; for heads 6, 8, 12, 16 ${count(scale.heads)}; for patches of 16, 8, 5 pixels ${count(scale.patches)}; for batches of 128 to 1024 ${count(scale.batches)}; for K of 1024 to 262144 ${count(scale.prototypes)}; for 2, 6, 10 local crops ${count([2, 6, 10].map((paper) => localsOf(scale, paper)))}`,
    ...(methods
      ? [
          `other methods: heads ${methods.hidden} wide, ${methods.queue} keys in MoCo's queue, ${methods.swavPrototypes} prototypes of SwAV; momentum (MoCo's own is .999), bottleneck (MoCo's and SwAV's own is 128) and local crops are those of DINO`,
        ]
      : []),
    `for a ResNet-50 there is a ${resnet.arch} of ${count(resnet.resnetPlanes ?? [])} channels, trained with the settings of the ViT`,
  ]
}
