import { byol } from './byol.js'
import { continued } from './continue.js'
import { demo } from './demo.js'
import { mocoV2 } from './moco-v2.js'
import { noMulticrop } from './no-multicrop.js'
import { paper800 } from './paper-800.js'
import type { Recipe } from './recipe.js'
import { rn50 } from './rn50.js'
import { smallBatch } from './small-batch.js'
import { swav } from './swav.js'
import { vits16Epochs100 } from './vits16-100ep.js'
import { vits16Epochs300 } from './vits16-300ep.js'

export type { Recipe } from './recipe.js'

/** All recipes, in the order that `dino recipes` lists them. */
export const recipes: readonly Recipe[] = [
  vits16Epochs100,
  vits16Epochs300,
  paper800,
  noMulticrop,
  smallBatch,
  rn50,
  continued,
  byol,
  mocoV2,
  swav,
  demo,
]
