import { revisitedRetrieval } from '@dino/eval'
import type { Case } from '@dino/fixtures'
import { type Check, numbers, type Tensors, tensor, toleranceFor } from './check.js'
import { Settings } from './settings.js'

/** Mean average precision, that of each query, and precision at several ranks, as fractions, for easy, medium and hard. */
export function retrieval(c: Case, tensors: Tensors): Check[] {
  const settings = new Settings(c.name, c)
  const truth = settings.list('ground_truth').map((each, i) => {
    const query = Settings.of(`${c.name}.ground_truth.${i}`, each)
    return { easy: query.numbers('easy'), hard: query.numbers('hard'), junk: query.numbers('junk') }
  })
  const scores = settings.inner('scores')
  const levels = Object.keys(scores.values) as ('easy' | 'medium' | 'hard')[]
  const at = Object.keys(scores.inner(levels[0]!).inner('precision_at').values).map(Number)
  const found = revisitedRetrieval(features(tensors, 'in.queries'), features(tensors, 'in.database'), truth, { at })
  const check = (name: string, sort: string, actual: number, expected: number): Check => {
    const difference = Number.isNaN(expected) && Number.isNaN(actual) ? 0 : Math.abs(actual / 100 - expected)
    return { name, difference, tolerance: toleranceFor(c, sort) }
  }
  return levels.flatMap((level) => {
    const expected = scores.inner(level)
    const precision = expected.inner('precision_at')
    return [
      check(`${level} mAP`, 'map', found[level].map, expected.number('map')),
      ...expected.numbers('ap').map((ap, i) => check(`${level} AP of query ${i}`, 'ap', found[level].ap[i]!, ap)),
      ...at.map((k) => {
        return check(`${level} mP@${k}`, 'precision_at', found[level].precisionAt[k]!, precision.number(String(k)))
      }),
    ]
  })
}

function features(tensors: Tensors, name: string) {
  const { shape, ...rest } = tensor(tensors, name)
  const [rows, dim] = shape as [number, number]
  return { data: Float32Array.from(numbers({ shape, ...rest })), rows, dim }
}
