import { type Measure, mean, type Outcome, shown, spread } from './experiment.js'

/** Something that the paper's text or table says, and whether ours says the same. */
export interface Claim {
  text: string
  /** Undefined while a row is missing. */
  holds(outcome: (row: string) => Outcome | undefined): Verdict | undefined
}

export interface Verdict {
  /** Undecided: a difference that chance makes as well. */
  verdict: 'holds' | 'does not hold' | 'undecided'
  /** The numbers that it rests on. */
  because: string
}

/** Points of accuracy that count as none: what "learns nothing" may be above untrained weights, and "alike" rows apart. */
const MARGIN = 2

/**
 * Of the difference of two means, by its standard error over the seeds: 1 above, -1 below, 0 within twice the error. One seed tells no
 * error; its sign is taken.
 */
export function order(a: readonly number[], b: readonly number[]): -1 | 0 | 1 {
  const difference = mean(a) - mean(b)
  if (Math.abs(difference) <= 2 * standardError(a, b)) return 0
  return difference > 0 ? 1 : -1
}

function standardError(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(spread(a) / Math.sqrt(a.length), spread(b) / Math.sqrt(b.length))
}

/** A claim about some numbers of two rows. */
function between(
  [a, b]: readonly [string, string],
  text: string,
  numbers: (outcome: Outcome) => readonly number[] | undefined,
  judge: (a: readonly number[], b: readonly number[]) => Verdict['verdict'],
  digits = 1,
): Claim {
  return {
    text,
    holds(outcome) {
      const [one, other] = [outcome(a), outcome(b)].map((found) => found && numbers(found))
      if (!one?.length || !other?.length) return undefined
      return { verdict: judge(one, other), because: `${shown(one, digits)} against ${shown(other, digits)}` }
    },
  }
}

const WORDS = { knn: 'by k-NN', linear: 'by linear probe' }

/** `a` has the higher accuracy. */
export function above(a: string, b: string, text: string, measure: Measure = 'knn'): Claim {
  return between(
    [a, b],
    text,
    (found) => found[measure],
    (one, other) => {
      const sign = order(one, other)
      return sign > 0 ? 'holds' : sign < 0 ? 'does not hold' : 'undecided'
    },
  )
}

/** The same by both measures, a claim each. */
export function aboveByBoth(a: string, b: string, text: string): Claim[] {
  return (['knn', 'linear'] as const).map((measure) => above(a, b, `${text}, ${WORDS[measure]}`, measure))
}

/** `a` is no better than `b`: not by more than chance makes. */
export function bringsNothing(a: string, b: string, text: string, measure: Measure = 'knn'): Claim {
  return between(
    [a, b],
    text,
    (found) => found[measure],
    (one, other) => (order(one, other) > 0 ? 'does not hold' : 'holds'),
  )
}

/** Both within a few points, or within what chance makes. */
export function alike(a: string, b: string, text: string, measure: Measure = 'knn'): Claim {
  return between(
    [a, b],
    text,
    (found) => found[measure],
    (one, other) =>
      Math.abs(mean(one) - mean(other)) <= MARGIN || order(one, other) === 0 ? 'holds' : 'does not hold',
  )
}

/** Training on `a` costs more, in time or memory. */
export function costsMore(a: string, b: string, text: string, what: 'seconds' | 'gigabytes'): Claim {
  return between(
    [a, b],
    text,
    ({ cost }) => cost && [cost[what]],
    ([one], [other]) => (one! > other! ? 'holds' : 'does not hold'),
    what === 'seconds' ? 0 : 2,
  )
}

/** `a` has the higher linear accuracy, and its training takes no longer than that of `b`, but for a tenth: then neither side is favoured. */
export function inNoMoreTime(a: string, b: string, text: string): Claim {
  return {
    text,
    holds(outcome) {
      const [one, other] = [outcome(a), outcome(b)]
      if (!one?.linear.length || !other?.linear.length || !one.cost || !other.cost) return undefined
      const told = ({ linear, cost }: Outcome) => `${shown(linear)} in ${Math.round(cost!.seconds)} s`
      const sign = order(one.linear, other.linear)
      const inTime = one.cost.seconds <= 1.1 * other.cost.seconds
      return {
        verdict: sign > 0 && inTime ? 'holds' : sign < 0 ? 'does not hold' : 'undecided',
        because: `${told(one)} against ${told(other)}`,
      }
    },
  }
}

/**
 * No better than untrained weights, but for a margin of points: nothing was learned. On ImageNet that is chance; on a few small images
 * untrained weights already tell colours and outlines apart.
 */
export function learnsNothing(row: string, text: string, measure: Measure = 'knn'): Claim {
  return besideUntrained(row, text, measure, (gain) => gain <= MARGIN)
}

/** Better than untrained weights by more than a margin of points. */
export function learns(row: string, text: string, measure: Measure = 'knn'): Claim {
  return besideUntrained(row, text, measure, (gain) => gain > MARGIN)
}

function besideUntrained(row: string, text: string, measure: Measure, holds: (gain: number) => boolean): Claim {
  return {
    text,
    holds(outcome) {
      const [found, untrained] = [outcome(row), outcome('untrained')]
      if (!found?.[measure].length || !untrained?.[measure].length) return undefined
      return {
        verdict: holds(mean(found[measure]) - mean(untrained[measure])) ? 'holds' : 'does not hold',
        because: `${shown(found[measure])}, untrained ${shown(untrained[measure])}, commonest class ${found.chance.toFixed(1)}`,
      }
    },
  }
}

/** Teacher entropy or KL at the end, as a share of ln K, below or above a bound. */
export function ends(
  row: string,
  what: 'teacherEntropy' | 'kl',
  bound: { below: number } | { above: number },
  text: string,
): Claim {
  return {
    text,
    holds(outcome) {
      const found = outcome(row)
      if (!found?.[what].length) return undefined
      const share = mean(found[what]) / found.lnK
      return {
        verdict: ('below' in bound ? share < bound.below : share > bound.above) ? 'holds' : 'does not hold',
        because: `${shown(found[what], 3)} nats, ln K ${found.lnK.toFixed(2)}`,
      }
    },
  }
}

/** Over the evaluations of a run. */
export function teacherLeads(row: string, text: string): Claim {
  return {
    text,
    holds(outcome) {
      const found = outcome(row)?.teacherLeads
      if (!found?.length) return undefined
      const percent = found.map((share) => 100 * share)
      return {
        verdict: mean(found) > 0.5 ? 'holds' : mean(found) < 0.5 ? 'does not hold' : 'undecided',
        because: `better in ${shown(percent, 0)} % of evaluations, a tie counted half`,
      }
    },
  }
}

/** Outputs of `a` lie closer together at the end: it is collapsing. */
export function drawsTogether(a: string, b: string, text: string): Claim {
  return {
    text,
    holds(outcome) {
      const [one, other] = [outcome(a)?.outputSpread, outcome(b)?.outputSpread]
      if (!one?.length || !other?.length) return undefined
      return {
        verdict: mean(one) < mean(other) / 1.5 ? 'holds' : 'does not hold',
        because: `spread ${shown(one, 2)} against ${shown(other, 2)} at the end; 0 is collapse`,
      }
    },
  }
}
