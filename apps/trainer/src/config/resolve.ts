import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type Recipe, recipes } from '../recipes/index.js'
import { Failure } from '../report/io.js'
import { isResnet, only } from './architecture.js'
import { checkTogether } from './check.js'
import { defaults } from './defaults.js'
import { nearest } from './nearest.js'
import { type TrainConfig, type TrainOptions, trainConfig } from './schema.js'

/**
 * The effective settings of a run: the defaults, then what the recipe states, then the config file, then the flags.
 * What is left out takes its value from the rest: the base grid from the global crops, the run folder from the recipe or
 * architecture (so the same command again goes on with the same run), the workers from the machine. Defaults and recipes leave out
 * what an architecture of another kind does not have.
 *
 * @param saved the settings of a run that goes on; they take the place of defaults and recipe
 */
export function resolveConfig(flags: TrainOptions, file: TrainOptions = {}, saved?: TrainConfig): TrainConfig {
  const named = flags.recipe ?? file.recipe
  // A run that goes on has its recipe in its settings; another one must show as a difference, not pass unseen.
  const recipe = named === undefined || named === saved?.recipe ? {} : { ...findRecipe(named).settings, recipe: named }
  const asked = { ...defined(file), ...defined(flags) }
  const base = { ...(saved ?? defaults), ...recipe } as TrainOptions
  const given = { ...fitting(base, asked.arch ?? base.arch!), ...asked } as TrainOptions & typeof defaults
  if (given.data === undefined) {
    throw new Failure('--data is missing: the folder (or glob) of images to train on, as in --data ./photos.', 2)
  }
  const config = {
    ...(!isResnet(given.arch) && { imgSize: given.globalCropsSize }),
    outputDir: join('runs', named ?? `${given.arch}${given.patchSize ?? ''}`),
    numWorkers: Math.max(0, availableParallelism() - 1),
    ...given,
  }
  const ordered = Object.keys(trainConfig.shape).filter((key) => key in config)
  const effective = Object.fromEntries(ordered.map((key) => [key, config[key as keyof typeof config]]))
  const complete = trainConfig.parse(effective)
  checkTogether(complete)
  return complete
}

/** What of some settings an architecture has a use for. */
function fitting(settings: TrainOptions, arch: TrainConfig['arch']): TrainOptions {
  const kept = { ...settings }
  for (const key of only[isResnet(arch) ? 'vit' : 'resnet']) delete kept[key]
  return { ...kept, ...(isResnet(arch) && { dropPathRate: 0 }) }
}

export function findRecipe(name: string): Recipe {
  const recipe = recipes.find((candidate) => candidate.name === name)
  if (recipe) return recipe
  const names = recipes.map((candidate) => candidate.name)
  const meant = nearest(name, names)
  throw new Failure(
    `There is no recipe ${name}. ${meant ? `Did you mean ${meant}?` : `There are ${names.join(', ')}.`}`,
    2,
  )
}

function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
