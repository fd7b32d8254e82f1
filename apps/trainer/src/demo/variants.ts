/** What differs between the variants of one emoji: who is shown. Each list is one person to us (hexadecimal code points). */
const SAME = [
  ['1f9d1', '1f468', '1f469'], // person, man, woman
  ['1f9d2', '1f466', '1f467'], // child, boy, girl
  ['1f9d3', '1f474', '1f475'], // older person, old man, old woman
  ['1fac5', '1f934', '1f478'], // person with crown, prince, princess
  ['1f385', '1f936'], // Santa Claus, Mrs. Claus
  ['1f57a', '1f483'], // man and woman dancing
  ['1f46b', '1f46c', '1f46d'], // two people holding hands
  ['1f930', '1fac3', '1fac4'], // pregnant woman, man, person
]
const FIRST = new Map(SAME.flatMap((group) => group.map((point) => [point, group[0]])))

const JOINER = '200d'
const DROPPED = new Set([JOINER, '2640', '2642', 'fe0f']) // joiner, ♀, ♂, emoji style
const [PERSON, CHILD] = ['1f9d1', '1f9d2']

/** Sequences of people that also have a code point of their own. */
function composed(points: string[]): string | undefined {
  if (points.length > 1 && points.every((point) => point === PERSON || point === CHILD)) return '1f46a' // a family
  const key = points.join('-')
  if (key === `${PERSON}-1f91d-${PERSON}`) return '1f46b' // holding hands
  if (key === `${PERSON}-2764-${PERSON}`) return '1f491' // couple with heart
  if (key === `${PERSON}-2764-1f48b-${PERSON}`) return '1f48f' // kiss
  if (key === `${PERSON}-1f384`) return '1f385' // Mx Claus
  return undefined
}

/** Code points of an emoji as four or more hexadecimal digits, joined by '-': the file names of the data set. */
export function codePoints(emoji: string): string {
  return Array.from(emoji, (character) => character.codePointAt(0)!.toString(16).padStart(4, '0')).join('-')
}

/**
 * The same for all gender variants of an emoji (🏃 🏃‍♀️ 🏃‍♂️; 🧑‍🚀 👩‍🚀 👨‍🚀; 👸 🤴; all families), another for any other emoji.
 *
 * Variants are near-copies: one in the training set and one in the test set would make k-NN a look-up.
 */
export function variantGroup(emoji: string): string {
  const points = codePoints(emoji)
    .split('-')
    .filter((point) => !DROPPED.has(point))
    .map((point) => FIRST.get(point) ?? point)
  // ♀ and ♂ themselves are symbols: dropping all of them would leave nothing.
  return composed(points) ?? (points.join('-') || codePoints(emoji))
}
