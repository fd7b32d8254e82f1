/** Random numbers of one stream: the same key gives the same ones, whatever else was drawn. */
export interface Draws {
  /** A real in [low, high). Default [0, 1). */
  uniform(low?: number, high?: number): number
  /** A whole number in [low, highExclusive), each equally likely. */
  integer(low: number, highExclusive: number): number
  /** A standard normal. */
  normal(): number
}
