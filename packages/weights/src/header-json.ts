/** Deepest a header goes: { tensor: { shape: [ */
const DEEPEST = 3
/** Enough for 200,000 tensors; a header of more is made to exhaust its reader. */
const MOST_MARKS = 3_000_000

/**
 * Why the JSON of a header should not even be parsed: nested lists of a few million brackets would take gigabytes.
 *
 * @returns undefined if it may be parsed
 */
export function tooMuch(json: string): string | undefined {
  let depth = 0
  let marks = 0
  let problem: string | undefined
  walk(json, (mark) => {
    if (mark === '{' || mark === '[') depth++
    else if (mark === '}' || mark === ']') depth--
    if (depth > DEEPEST) problem = `expected a header of tensors, got lists in lists, ${depth} deep.`
    else if (++marks > MOST_MARKS) problem = `expected a header of at most ${MOST_MARKS} values, got more.`
    return problem === undefined
  })
  return problem
}

/** A key that occurs twice in one object of valid JSON: JSON.parse would keep the last and say nothing. */
export function repeatedKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [] // a set of keys for an object, undefined for an array
  let last: [number, number] = [0, 0] // the string before
  let twice: string | undefined
  walk(json, (mark, at, end) => {
    if (mark === '{') open.push(new Set())
    else if (mark === '[') open.push(undefined)
    else if (mark === '}' || mark === ']') open.pop()
    else if (mark === '"') last = [at, end]
    else if (mark === ':') {
      const key = JSON.parse(json.slice(...last)) as string
      if (open.at(-1)?.has(key)) twice = key
      open.at(-1)?.add(key)
    }
    return twice === undefined
  })
  return twice
}

/** Visits strings and the marks between them, in order, until told to stop. (A regular expression fails on strings of megabytes.) */
function walk(json: string, visit: (mark: string, at: number, end: number) => boolean): void {
  for (let at = 0; at < json.length; at++) {
    const mark = json[at]!
    if (!'"{}[]:,'.includes(mark)) continue
    const end = mark === '"' ? endOfString(json, at) : at + 1
    if (!visit(mark, at, end)) return
    at = end - 1
  }
}

function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end > 0; end = json.indexOf('"', end + 1)) {
    let backslashes = 0
    while (json[end - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return end + 1
  }
  return json.length
}
