import { buildCommand } from '@stricli/core'
import { recipes as all } from '../recipes/index.js'
import { type Context, loading } from './command.js'

export interface RecipesOptions {
  name?: string
  json: boolean
}

export const recipes = buildCommand<{ json: boolean }, [name?: string], Context>({
  docs: {
    brief: 'List the recipes of `dino train --recipe`, or show one: settings, source, expected result',
    fullDescription: [
      'A recipe states only what differs from the defaults; the config file and flags go over it.',
      '',
      '  dino recipes',
      '  dino recipes paper-800',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          placeholder: 'name',
          parse: String,
          optional: true,
          brief: 'recipe to show',
          proposeCompletions: recipeNames,
        },
      ],
    },
    flags: { json: { kind: 'boolean', default: false, withNegated: false, brief: 'print JSON' } },
  },
  loader: loading<RecipesOptions>(async () => (await import('./run-recipes.js')).runRecipes, 'name'),
})

/** Names of recipes that begin with `partial`, for the shell's completion. */
export function recipeNames(partial: string): string[] {
  return all.map(({ name }) => name).filter((name) => name.startsWith(partial))
}
