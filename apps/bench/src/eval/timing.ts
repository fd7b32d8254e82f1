/** What a process of either side prints: one JSON line, under the names of peers/bench_*.py. */
export interface EvalTiming {
  peer: string
  version: string
  threads: number
  times_ms: number[]
  max_rss_gb: number
  /** Of k-NN: top-1 and top-5 in percent for each k. */
  accuracy?: Record<string, [number, number]>
}
