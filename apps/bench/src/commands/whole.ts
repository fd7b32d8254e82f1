import { Failure } from '../failure.js'

/** Parser of a flag that is a whole number, of `least` or more. */
export function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value
    throw new Failure(`expected a whole number, at least ${least}, got ${JSON.stringify(text)}`, 2)
  }
}
