import { z } from 'zod'
import { archs } from './architecture.js'

const count = z.int().min(0)
const positive = z.int().min(1)
const share = z.number().min(0).max(1)
const above0 = z.number().gt(0)
const shares = z.tuple([share, share])
const threeShares = z.tuple([share, share, share])
const byte = z.int().min(0).max(255)
const stages = z.tuple([positive, positive, positive, positive])

/**
 * Every setting of a training run, by its camelCase name; `--kebab-case` on the command line, where the description is
 * its help. The defaults are in `defaults.ts`. A setting that is `optional` has none: leaving it out is a choice.
 */
export const trainConfig = z.strictObject({
  recipe: z
    .string()
    .min(1)
    .optional()
    .describe('recipe to start from, see `dino recipes`; config file and flags go over it'),
  data: z
    .string()
    .min(1)
    .describe(
      'images: folder, glob, list (.txt), .zip, .tar or shards ("s-{000..146}.tar"), or the URL of one; labels only evaluate',
    ),
  outputDir: z
    .string()
    .min(1)
    .describe('folder of this run: checkpoints, metrics, config; another run is never overwritten'),
  init: z
    .string()
    .min(1)
    .optional()
    .describe("weights to begin with: a run folder, a checkpoint of the reference's, or a backbone of any format"),
  initParts: z
    .enum(['all', 'backbone'])
    .optional()
    .describe(
      'of them: both networks with their heads, center and optimizer, or the backbone alone. All if the file has them unless given',
    ),

  arch: z
    .enum(archs)
    .describe('backbone: a ViT of width 192, 384 or 768 and depth 12, or a ResNet, for which see the recipe rn50'),
  patchSize: positive.optional().describe('pixels; smaller patches give better features and cost 4x at half the size'),
  embedDim: positive
    .optional()
    .describe('width, for a model of your own; set --num-heads with it. Of the arch unless given'),
  depth: positive.optional().describe('blocks, for a model of your own. Of the arch unless given'),
  numHeads: positive.optional().describe('attention heads, must divide the width. Of the arch unless given'),
  imgSize: positive
    .optional()
    .describe('pixels; the grid of position embeddings is made for this. The global crops unless given'),
  resnetLayers: stages.optional().describe('blocks of the four stages, for a ResNet of your own'),
  resnetPlanes: stages
    .optional()
    .describe('channels inside the blocks of the four stages. 64,128,256,512 unless given'),

  outDim: positive.min(2).describe('prototypes K; 4096 is enough for small data and much lighter'),
  normLastLayer: z.boolean().describe('keep prototypes at unit length; false helps a ViT-S once training is stable'),
  useBnInHead: z.boolean().describe('batch norm in the head'),
  headLayers: count.describe('linear layers of the head before the prototypes; 0 without a bottleneck only'),
  headHiddenDim: positive.describe('width of the hidden layers of the head'),
  headBottleneckDim: positive.describe('width of the normalised vector before the prototypes'),
  headActivation: z.enum(['gelu', 'relu']).describe('after the hidden layers of head and predictor'),
  headBottleneck: z
    .boolean()
    .describe('a narrow layer and l2 normalisation before the prototypes; without it deep heads learn nothing'),
  lastLayer: z
    .enum(['weight-norm', 'linear', 'none'])
    .describe('prototypes of unit length, a plain layer, or none: the bottleneck is the output, for mse and infonce'),
  predictor: z
    .boolean()
    .describe("an MLP on the student's bottleneck that the teacher lacks (BYOL); brings DINO nothing"),
  predictorHiddenDim: positive.describe('width of its hidden layer'),
  predictorBn: z.boolean().describe('batch norm in it; without, BYOL collapses'),

  teacher: z
    .enum(['momentum', 'student', 'previous-iteration', 'previous-epoch'])
    .describe("what teaches: an average of the student's past, its copy, or what it was an iteration or epoch ago"),
  momentumTeacher: share.describe(
    'EMA momentum of the teacher at the start, raised by a cosine; use .9995 with a batch of 256, .99 for short runs',
  ),
  momentumTeacherEnd: share.describe('EMA momentum that the cosine ends at'),
  warmupTeacherTemp: above0.describe('teacher temperature at the start; lower it if the loss does not fall'),
  teacherTemp: above0.describe('teacher temperature after its warm-up; above .07 training is unstable'),
  warmupTeacherTempEpochs: count.describe(
    'epochs from the first teacher temperature to the last; 30 when raising to .07',
  ),
  studentTemp: above0.describe('student temperature'),
  sharpening: z.boolean().describe("false: the teacher's temperature is the student's, and outputs go uniform"),
  centering: z
    .enum(['center', 'sinkhorn', 'sinkhorn-views', 'softmax-batch', 'none'])
    .describe(
      "of the teacher's outputs: less their moving center, Sinkhorn-Knopp of the batch or of each view (SwAV), a softmax over the batch, or nothing",
    ),
  centerMomentum: share.describe('EMA momentum of the center; .999 collapses in the paper'),
  loss: z
    .enum(['cross-entropy', 'mse', 'infonce'])
    .describe('of distributions over prototypes (DINO), of directions (BYOL), or against a queue of keys (MoCo)'),
  symmetricLoss: z
    .boolean()
    .describe("mse and infonce: both views of the teacher teach; false is its second alone (MoCo's query and key)"),
  infonceTemp: above0.describe('temperature of infonce'),
  queueSize: positive.describe('keys of earlier batches that infonce tells the own one from'),

  batchSize: positive.describe(
    'images a step; lr is scaled by it. Smaller batches take less memory and a higher momentum',
  ),
  microBatch: positive
    .optional()
    .describe('images computed at a time, must divide the batch: the same step in less memory. The batch unless given'),
  accumulate: positive.describe('batches that one optimizer step adds up; lr is scaled by all of them'),
  recompute: z.boolean().describe("compute a ViT's blocks again for their gradients: less memory, a third more time"),
  epochs: positive.describe('passes over the data; more is better (paper: 100, 300, 800)'),
  optimizer: z.enum(['adamw', 'sgd', 'lars']).describe('adamw for ViTs; sgd and lars for convnets'),
  lr: above0.describe('peak learning rate for a batch of 256: the one used is lr x batch / 256'),
  warmupEpochs: count.describe('epochs of linear learning rate warm-up'),
  minLr: z.number().min(0).describe('learning rate at the end, not scaled by the batch'),
  weightDecay: z.number().min(0).describe('weight decay at the start'),
  weightDecayEnd: z.number().min(0).describe('weight decay at the end, reached by a cosine'),
  clipGrad: z
    .number()
    .min(0)
    .describe('largest norm of the gradient of one tensor, 0 = off; lower it if training is unstable'),
  freezeLastLayer: count.describe('epochs with fixed prototypes; raise it if the loss does not fall'),
  dropPathRate: share.lt(1).describe('stochastic depth of a ViT as student; a ResNet has none'),
  dropPathRows: z
    .enum(['all', 'kept', 'subset'])
    .optional()
    .describe(
      "rows that a branch computes: all, and drops some; those that are kept alone, the same numbers; or DINOv2's method, a subset of fixed size. all unless given",
    ),

  globalCropsSize: positive.describe('pixels of the two global crops'),
  globalCropsScale: shares.describe('share of the area that a global crop covers; without local crops use .14 1'),
  localCropsNumber: count.describe('local crops an image, 0 turns multi-crop off'),
  localCropsSize: positive.describe('pixels of a local crop'),
  localCropsScale: shares.describe('share of the area that a local crop covers'),
  cropRatio: z.tuple([above0, above0]).describe('width / height of what is cropped'),
  flipP: share.describe('probability of a horizontal flip'),
  jitterP: share.describe('probability of colour jitter'),
  brightness: share.describe('jitter: factor within 1 +- this'),
  contrast: share.describe('jitter: factor within 1 +- this'),
  saturation: share.describe('jitter: factor within 1 +- this'),
  hue: z
    .number()
    .min(0)
    .max(0.5)
    .describe('jitter: shift within +- this share of the colour circle; 0 where colour is meaning'),
  grayscaleP: share.describe('probability of grayscale'),
  blurP: threeShares.describe('probability of blur: global 1, global 2, local'),
  blurSigma: z.tuple([above0, above0]).describe('pixels; sigma of the blur'),
  solarizeP: threeShares.describe('probability of solarize: global 1, global 2, local'),
  background: z.tuple([byte, byte, byte]).describe('red, green, blue put under transparent pixels'),
  mean: threeShares.describe('mean of the pixels per channel, 0 to 1; what the network sees is (pixel - mean) / std'),
  std: z.tuple([above0, above0, above0]).describe('standard deviation of the pixels per channel'),

  saveckpFreq: count.describe('epochs between checkpoints that are kept, 0 keeps only the latest'),
  checkpointMinutes: z
    .number()
    .min(0)
    .describe('minutes between saves of the latest checkpoint within an epoch, 0 = at its end only'),
  logFreq: positive.describe('steps between lines of metrics'),
  knnFreq: count.describe('epochs between k-NN evaluations of student and teacher when there are labels, 0 = never'),
  knnK: positive.describe('neighbours that vote in them'),
  knnTemperature: above0.describe('a vote weighs exp(cosine / this)'),
  maxSteps: positive
    .optional()
    .describe('stop, saved, after this many steps in all; the schedules stay those of --epochs'),
  maxMinutes: above0.optional().describe('stop, saved, after this many minutes of this call; --resume goes on'),

  seed: z.int().min(0).max(0xffffffff).describe('of everything random: same seed, same run'),
  numWorkers: count.describe(
    'threads that decode and augment, 0 = none; never changes the result. CPU cores - 1 unless given',
  ),
  engine: z.string().min(1).describe('auto, eager (any TensorFlow.js backend) or the folder of a libtensorflow'),
  threads: count.describe('threads of TensorFlow, 0 = all cores'),
  precision: z
    .enum(['fp32', 'bf16', 'auto'])
    .describe(
      'of matrix products; the rest and all state stay fp32. fp32 gives the same run everywhere; auto is bf16 where the hardware has it, decided once a run',
    ),
  device: z
    .enum(['cpu', 'gpu', 'gpu:0', 'gpu:1', 'gpu:2', 'gpu:3', 'gpu:4', 'gpu:5', 'gpu:6', 'gpu:7'])
    .optional()
    .describe('where the step runs, the first GPU if there is one unless given'),
})

/** The effective settings of a run, complete and checked. */
export type TrainConfig = z.infer<typeof trainConfig>

/** What a recipe or a config file states: any of the settings. */
export type TrainOptions = Partial<TrainConfig>
