/** One thing that the doctor looked at. */
export interface Finding {
  /** What was looked at: 'engine', 'sharp', … */
  name: string
  /** A note costs speed or comfort, a problem keeps something from working. */
  status: 'ok' | 'note' | 'problem'
  /** What was found, in a line. */
  found: string
  /** What to do about it. */
  advice?: string
  /** The same as data, for `--json`. */
  details?: Record<string, unknown>
}
