import { type MethodSizes, recipeOf, type Scale, type Settings } from './scale.js'

/**
 * The other methods (tables 2, 7, 13, 14): the trainer's recipes. Batch, epochs, optimizer and crops are the scale's; a smaller scale has
 * their heads and queues at its own sizes, and its own momentum.
 */

export const twoCrops: Settings = { localCropsNumber: 0, globalCropsScale: [0.14, 1] }

export function byol(scale: Scale): Settings {
  return method('byol', scale, ({ hidden }) => ({ headHiddenDim: hidden, predictorHiddenDim: hidden }))
}

export function mocoV2(scale: Scale): Settings {
  return method('moco-v2', scale, ({ hidden, queue }) => ({ headHiddenDim: hidden, queueSize: queue }))
}

export function swav(scale: Scale): Settings {
  // What a scale's base may have changed of the defaults that the recipe rests on.
  const own: Settings = { normLastLayer: true, studentTemp: 0.1, warmupTeacherTempEpochs: 0 }
  const sized = method('swav', scale, (sizes) => ({ headHiddenDim: sizes.hidden, outDim: sizes.swavPrototypes }))
  return { ...sized, ...own }
}

/** How long a recipe trains, and on which crops: the rows of a table have that in common, or say what they differ by. */
const OF_THE_RUN: readonly string[] = ['batchSize', 'epochs', 'localCropsNumber', 'globalCropsScale']
/** What is of the size of a scale, or of the number of its steps. */
const OF_THE_SIZE: readonly string[] = ['momentumTeacher', 'momentumTeacherEnd', 'headBottleneckDim']

function method(name: string, { methods }: Scale, sized: (sizes: MethodSizes) => Settings): Settings {
  const left = methods ? [...OF_THE_RUN, ...OF_THE_SIZE] : OF_THE_RUN
  const own = Object.fromEntries(Object.entries(recipeOf(name)).filter(([key]) => !left.includes(key)))
  return { ...own, ...(methods && sized(methods)) }
}
