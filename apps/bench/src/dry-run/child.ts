import { openSession } from '@dino/graph'
import {
  estimate,
  initialState,
  initStudent,
  type Measurement,
  measureSteps,
  resolveConfig,
  setupOf,
} from '@dino/trainer'
import type { CommandContext } from '@stricli/core'

export interface ChildFlags {
  /** Settings of a run, as JSON. */
  settings: string
  /** Run the step as it is set, instead of estimating it. */
  measure: boolean
}

/** Estimates the step of some settings, or measures it, and prints one JSON line. */
export async function printDryRun(this: CommandContext, { settings, measure }: ChildFlags): Promise<void> {
  const config = resolveConfig({ data: 'noise', ...JSON.parse(settings) })
  const session = await openSession({ ...(config.threads > 0 && { threads: config.threads }) })
  try {
    let result: Omit<Measurement, 'images'>
    if (measure) {
      const setup = setupOf(config)
      await session.create(initialState(setup, initStudent(setup, config.seed)))
      result = (await measureSteps(session, config)).measurement
    } else {
      const { secondsPerStep, memory } = await estimate(config, session)
      result = { secondsPerStep, bytes: memory.bytes }
    }
    this.process.stdout.write(`${JSON.stringify(result)}\n`)
  } finally {
    await session.close()
  }
}
