/**
 * The command that makes a report again.
 *
 * @param flags in the order in which they are printed; undefined is left out
 */
export function benchCommand(verb: string, flags: Record<string, string | number | undefined>): string {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined)
  return ['npm run bench --', verb, ...given.map(([flag, value]) => `--${flag} ${value}`)].join(' ')
}

/** A flag's value, unless it is what the flag has anyhow. */
export function unless<T>(usual: T, value: T): T | undefined {
  return value === usual ? undefined : value
}
