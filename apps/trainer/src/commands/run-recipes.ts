import { defaults } from '../config/defaults.js'
import { kebab, printed } from '../config/fields.js'
import { findRecipe } from '../config/resolve.js'
import { recipes } from '../recipes/index.js'
import type { TrainIO } from '../report/io.js'
import { table } from '../report/table.js'
import type { RecipesOptions } from './recipes.js'

/** `dino recipes`: the list, or one recipe with its source and expected result. */
export async function runRecipes({ name, json }: RecipesOptions, { stdout }: TrainIO): Promise<number> {
  if (name === undefined) {
    stdout.write(
      json
        ? `${JSON.stringify(recipes, null, 2)}\n`
        : `${table(
            ['recipe', 'what it is'],
            recipes.map((recipe) => [recipe.name, recipe.summary]),
          )}\n` + '`dino recipes NAME` shows settings, source and expected result.\n',
    )
    return 0
  }
  const recipe = findRecipe(name)
  if (json) {
    stdout.write(`${JSON.stringify(recipe, null, 2)}\n`)
    return 0
  }
  const rows = Object.entries(recipe.settings).map(([key, value]) => [
    `--${kebab(key)}`,
    printed(value),
    key in defaults ? printed(defaults[key as keyof typeof defaults]) : '',
  ])
  stdout.write(
    `${recipe.name}: ${recipe.summary}\n\nSource  ${recipe.source}\nExpect  ${recipe.expect}\n` +
      `Run     dino train --recipe ${recipe.name} --data DIR\n\n${table(['setting', 'here', 'default'], rows)}\n`,
  )
  return 0
}
