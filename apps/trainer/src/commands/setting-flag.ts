import { type Field, parseText, refusal } from '../config/fields.js'
import { Failure } from '../report/io.js'
import { recipeNames } from './recipes.js'
import { brief } from './train-help.js'

/** The flag of a setting. It has no default of Stricli's: a flag that is not given must not go over a config file. */
export function settingFlag(field: Field) {
  return {
    kind: 'parsed',
    parse: (text: string) => parse(field, text),
    optional: true,
    inferEmpty: field.kind === 'boolean',
    brief: brief(field),
    ...(field.key === 'recipe' && { proposeCompletions: recipeNames }),
    ...(field.choices && {
      proposeCompletions: (text: string) => field.choices?.filter((word) => word.startsWith(text)),
    }),
  }
}

function parse(field: Field, text: string): unknown {
  const value = parseText(field, text)
  const reason = refusal(field.key, value)
  if (reason) throw new Failure(reason, 2)
  return value
}
