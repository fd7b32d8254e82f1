/** Runs jobs one after another, in the order they came. */
export class Queue {
  private last: Promise<unknown> = Promise.resolve()

  run<T>(job: () => Promise<T> | T): Promise<T> {
    const result = this.last.then(job)
    this.last = result.catch(() => {}) // the caller hears of it; the next job runs all the same
    return result
  }

  /** Resolves once every job so far is done. */
  async idle(): Promise<void> {
    await this.last
  }
}
