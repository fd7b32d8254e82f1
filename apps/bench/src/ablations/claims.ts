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

/** As shares of ln K: an entropy or KL below the first is at 0, one above the second is at ln K. */
const GONE = 0.05
const FULL = 0.95

/** Spread of outputs that fell to less than the inverse of this: one run differs from another by a tenth or so. */
const TOGETHER = 1.5

/** Whether a mean lies above another, or a bound: 1 above, -1 below, 0 within twice the standard error of the difference. */
export function order(a: readonly number[], b: readonly number[], atLeast = 0): -1 | 0 | 1 {
  const beyond = mean(a) - mean(b) - atLeast
  if (Math.abs(beyond) <= 2 * standardError(a, b)) return 0
  return beyond > 0 ? 1 : -1
}

/** Over the seeds. One seed tells no deviation: that of the other row is taken, and if that has one seed too, the sign counts. */
function standardError(a: readonly number[], b: readonly number[]): number {
  const [own, other] = [a.length > 1 ? spread(a) : spread(b), b.length > 1 ? spread(b) : spread(a)]
  return Math.hypot(own / Math.sqrt(a.length), other / Math.sqrt(b.length))
}

/** What holds where one is above, and not where it is below. */
const told = (sign: -1 | 0 | 1): Verdict['verdict'] => (sign > 0 ? 'holds' : sign < 0 ? 'does not hold' : 'undecided')

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
    (one, other) => told(order(one, other)),
  )
}

/** The same by both measures, a claim each. */
export function aboveByBoth(a: string, b: string, text: string): Claim[] {
  return (['knn', 'linear'] as const).map((measure) => above(a, b, `${text}, ${WORDS[measure]}`, measure))
}

/** `a` is no better than `b`: not by more than chance makes, nor by points that chance may hide. */
export function bringsNothing(a: string, b: string, text: string, measure: Measure = 'knn'): Claim {
  return between(
    [a, b],
    text,
    (found) => found[measure],
    (one, other) => {
      if (order(one, other) > 0) return 'does not hold'
      return mean(one) - mean(other) <= MARGIN ? 'holds' : 'undecided'
    },
  )
}

/** Both within a few points. */
export function alike(a: string, b: string, text: string, measure: Measure = 'knn'): Claim {
  return between(
    [a, b],
    text,
    (found) => found[measure],
    (one, other) => {
      if (Math.abs(mean(one) - mean(other)) <= MARGIN) return 'holds'
      return order(one, other) === 0 ? 'undecided' : 'does not hold'
    },
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

/** Times that differ by less than this are the same. */
const SAME_TIME = 1.1

/** `a` has the higher linear accuracy for the same time of training; where times differ, also in less, and not if `b` wins in less. */
export function atEqualTime(a: string, b: string, text: string): Claim {
  return inTime(a, b, text, (sign, one, other) =>
    (sign > 0 && one <= SAME_TIME * other) || (sign < 0 && other <= SAME_TIME * one) ? told(sign) : 'undecided',
  )
}

/** `a` has the higher linear accuracy, in less time. */
export function inLessTime(a: string, b: string, text: string): Claim {
  return inTime(a, b, text, (sign, one, other) => (one < other ? told(sign) : 'does not hold'))
}

function inTime(
  a: string,
  b: string,
  text: string,
  judge: (sign: -1 | 0 | 1, a: number, b: number) => Verdict['verdict'],
): Claim {
  return {
    text,
    holds(outcome) {
      const [one, other] = [outcome(a), outcome(b)]
      if (!one?.linear.length || !other?.linear.length || !one.cost || !other.cost) return undefined
      const words = ({ linear, cost }: Outcome) => `${shown(linear)} in ${Math.round(cost!.seconds)} s`
      return {
        verdict: judge(order(one.linear, other.linear), one.cost.seconds, other.cost.seconds),
        because: `${words(one)} against ${words(other)}`,
      }
    },
  }
}

/**
 * No better than untrained weights, but for a margin of points: nothing was learned. On ImageNet that is chance; on a few small images
 * untrained weights already tell colours and outlines apart.
 */
export function learnsNothing(row: string, text: string, measure: Measure = 'knn'): Claim {
  return besideUntrained(row, text, measure, -1)
}

/** Better than untrained weights by more than a margin of points. */
export function learns(row: string, text: string, measure: Measure = 'knn'): Claim {
  return besideUntrained(row, text, measure, 1)
}

/** @param wanted 1: above untrained weights by more than the margin; -1: not */
function besideUntrained(row: string, text: string, measure: Measure, wanted: -1 | 1): Claim {
  return {
    text,
    holds(outcome) {
      const [found, untrained] = [outcome(row), outcome('untrained')]
      if (!found?.[measure].length || !untrained?.[measure].length) return undefined
      return {
        verdict: told((wanted * order(found[measure], untrained[measure], MARGIN)) as -1 | 0 | 1),
        because: `${shown(found[measure])}, untrained ${shown(untrained[measure])}, commonest class ${found.chance.toFixed(1)}`,
      }
    },
  }
}

/** Teacher entropy or KL at the end: at 0, away from it, or at ln K. */
export function ends(
  row: string,
  what: 'teacherEntropy' | 'kl',
  where: 'at 0' | 'above 0' | 'at ln K',
  text: string,
): Claim {
  return {
    text,
    holds(outcome) {
      const found = outcome(row)
      if (!found?.[what].length) return undefined
      const share = mean(found[what]) / found.lnK
      return {
        verdict: (where === 'at 0' ? share < GONE : share > (where === 'at ln K' ? FULL : GONE))
          ? 'holds'
          : 'does not hold',
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
        verdict: told(
          order(
            found,
            found.map(() => 0.5),
          ),
        ),
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
        verdict: mean(one) < mean(other) / TOGETHER ? 'holds' : 'does not hold',
        because: `spread ${shown(one, 2)} against ${shown(other, 2)} at the end; 0 is collapse`,
      }
    },
  }
}
