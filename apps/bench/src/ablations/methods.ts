import { recipes } from '@dino/trainer'
import type { Scale, Settings } from './scale.js'

/** The other methods (tables 2, 7, 13, 14): the trainer's recipes, at the sizes of a scale. Crops, batch and epochs are the scale's. */

export const twoCrops: Settings = { localCropsNumber: 0, globalCropsScale: [0.14, 1] }

export function byol({ hidden }: Scale): Settings {
  return { ...method('byol'), headHiddenDim: hidden, predictorHiddenDim: hidden }
}

export function mocoV2({ hidden, queue }: Scale): Settings {
  return { ...method('moco-v2'), headHiddenDim: hidden, queueSize: queue }
}

export function swav({ hidden, swavPrototypes }: Scale): Settings {
  // What a scale's base may have changed of the defaults that the recipe rests on.
  const own: Settings = { normLastLayer: true, studentTemp: 0.1, warmupTeacherTempEpochs: 0 }
  return { ...method('swav'), ...own, headHiddenDim: hidden, outDim: swavPrototypes }
}

/** What a recipe says of the method itself: not how long it trains, on which crops, how fast its teacher follows. */
function method(name: string): Settings {
  const found = recipes.find((recipe) => recipe.name === name)
  if (!found) throw new Error(`There is no recipe ${name}.`)
  const ofTheRun: ReadonlySet<string> = new Set([
    'batchSize',
    'epochs',
    'freezeLastLayer',
    'localCropsNumber',
    'globalCropsScale',
    'momentumTeacher',
    'momentumTeacherEnd',
    'headBottleneckDim',
  ])
  return Object.fromEntries(Object.entries(found.settings).filter(([key]) => !ofTheRun.has(key)))
}
