import type { Case } from '@dino/fixtures'
import { attention } from './attention.js'
import { augment } from './augment.js'
import type { Check, Tensors } from './check.js'
import { checkpoint } from './checkpoint.js'
import { copy } from './copy.js'
import type { Engine } from './engine.js'
import { head } from './head.js'
import { knn } from './knn.js'
import { linear } from './linear.js'
import { loss } from './loss.js'
import { convnet } from './resnet.js'
import { retrieval } from './retrieval.js'
import { schedule } from './schedule.js'
import { sinkhorn } from './sinkhorn.js'
import { train } from './train.js'
import { video } from './video.js'
import { vision } from './vit.js'

/** Kinds that TensorFlow.js computes: they run on every engine that was asked for. */
export const onEngine: Record<string, (c: Case, tensors: Tensors, engine: Engine) => Promise<Check[]>> = {
  vit: vision,
  resnet: convnet,
  head,
  loss,
  sinkhorn,
  train,
  linear,
}

/** Kinds that plain typed arrays compute: they run once. */
export const plain: Record<string, (c: Case, tensors: Tensors) => Check[]> = {
  schedule,
  augment,
  knn,
  attention,
  checkpoint,
  retrieval,
  copy,
  video,
}
