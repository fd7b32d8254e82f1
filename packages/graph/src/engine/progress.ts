/** What an installation is doing. */
export interface Progress {
  /** 'searching' looks on this machine, 'waiting' is for another process that installs. */
  phase: 'searching' | 'waiting' | 'downloading' | 'unpacking' | 'ready'
  /** Bytes so far. */
  received?: number
  /** Bytes in all. */
  total?: number
  /** One line for a person. */
  message?: string
}

export type OnProgress = (progress: Progress) => void
