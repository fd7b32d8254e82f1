import type { Nearest } from './nearest.js'

/** Accuracy in percent. */
export interface KnnAccuracy {
  top1: number
  /** The label is among the first min(5, k, classes) classes. */
  top5: number
  /** With perClass: the classes that occur among the classified rows, in rising order. */
  perClass?: ClassAccuracy[]
}

/** Accuracy on the rows of one class, in percent. */
export interface ClassAccuracy {
  class: number
  /** Rows of it that were classified. */
  support: number
  top1: number
  top5: number
  /** The class that most of its wrong rows were given, the lower of equals; none if all are right. */
  confusedWith?: { class: number; rows: number }
}

/** What the votes say of each row. */
export interface Ranks {
  /** [rows] How many classes come before the label. */
  rank: Int32Array
  /** [rows] The class that comes first. */
  winner: Int32Array
}

/** Weighs the votes of the first neighbours of each row: exp(cosine / temperature) each. */
export function vote(
  { k: stored, indices, similarities }: Nearest,
  voters: number,
  trainLabels: ArrayLike<number>,
  testLabels: ArrayLike<number>,
  temperature: number,
  classes: number,
): Ranks {
  const rows = testLabels.length
  const ranks: Ranks = { rank: new Int32Array(rows), winner: new Int32Array(rows) }
  const scores = new Float64Array(classes)
  for (let row = 0; row < rows; row++) {
    scores.fill(0)
    for (let i = row * stored; i < row * stored + voters; i++) {
      // Less the largest cosine there can be: the same ranking, and no overflow at a small temperature.
      scores[trainLabels[indices[i]]] += Math.exp((similarities[i] - similarities[row * stored]) / temperature)
    }
    const label = testLabels[row]
    let winner = 0
    for (let c = 0; c < classes; c++) {
      if (scores[c] > scores[winner]) winner = c
      if (scores[c] > scores[label] || (scores[c] === scores[label] && c < label)) ranks.rank[row]++
    }
    ranks.winner[row] = winner
  }
  return ranks
}

/** @param first how many classes count as a hit in top5 */
export function summary(ranks: Ranks, first: number, labels: ArrayLike<number>, perClass: boolean): KnnAccuracy {
  const all = Array.from(labels, (_, row) => row)
  const accuracy: KnnAccuracy = hits(ranks, first, all)
  if (perClass) {
    const rowsOf = new Map<number, number[]>()
    for (const row of all) {
      const rows = rowsOf.get(labels[row])
      if (rows) rows.push(row)
      else rowsOf.set(labels[row], [row])
    }
    accuracy.perClass = [...rowsOf]
      .sort(([a], [b]) => a - b)
      .map(([label, rows]) => ({
        class: label,
        support: rows.length,
        ...hits(ranks, first, rows),
        ...confusion(ranks, label, rows),
      }))
  }
  return accuracy
}

function hits({ rank }: Ranks, first: number, rows: readonly number[]): { top1: number; top5: number } {
  const share = (most: number) => (100 * rows.filter((row) => rank[row] < most).length) / rows.length
  return { top1: share(1), top5: share(first) }
}

function confusion({ winner }: Ranks, label: number, rows: readonly number[]): Pick<ClassAccuracy, 'confusedWith'> {
  const given = new Map<number, number>()
  for (const row of rows) if (winner[row] !== label) given.set(winner[row], (given.get(winner[row]) ?? 0) + 1)
  const [most] = [...given].sort(([a, n], [b, m]) => m - n || a - b)
  return most ? { confusedWith: { class: most[0], rows: most[1] } } : {}
}
