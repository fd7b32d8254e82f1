/** Throws on a name that is not an option, and names the nearest one: a misspelt option must not run on the default. */
export function refuseUnknown(where: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const nearest = known.reduce((best, other) => (distance(name, other) < distance(name, best) ? other : best))
    throw new TypeError(`${where}: unknown option '${name}'. Did you mean '${nearest}'? Options: ${known.join(', ')}.`)
  }
}

/** Throws unless `value` is a number in [low, high]. */
export function inRange(where: string, name: string, value: number, low: number, high: number): void {
  if (typeof value === 'number' && value >= low && value <= high && Number.isFinite(value)) return
  const range = Number.isFinite(high) ? `from ${low} to ${high}` : `of at least ${low}`
  throw new RangeError(`${where}: expected ${name} to be a finite number ${range}, got ${show(value)}.`)
}

/** Throws unless `value` is a whole number in [low, high]. */
export function whole(where: string, name: string, value: number, low: number, high = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= low && value <= high) return
  const range = high < Number.MAX_SAFE_INTEGER ? `from ${low} to ${high}` : `of at least ${low}`
  throw new RangeError(`${where}: expected ${name} to be a whole number ${range}, got ${show(value)}.`)
}

/** Throws unless `value` is `length` numbers in [low, high]; rising ones if it is an interval. */
export function list(
  where: string,
  name: string,
  value: readonly number[],
  { length, low, high, rising = false }: { length: number; low: number; high: number; rising?: boolean },
): void {
  if (!Array.isArray(value) || value.length !== length)
    throw new TypeError(`${where}: expected ${name} to be ${length} numbers, got ${show(value)}.`)
  for (const [i, x] of value.entries()) inRange(where, `${name}[${i}]`, x, low, high)
  if (rising && value[0]! > value[length - 1]!)
    throw new RangeError(`${where}: expected ${name} to be [low, high], got ${show(value)}.`)
}

function show(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}
