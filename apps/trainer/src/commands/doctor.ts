import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading } from './command.js'
import { engine, json } from './shared-flags.js'

export interface DoctorOptions {
  engine: string
  json: boolean
}

export const doctor = buildCommand<DoctorOptions, [], Context>({
  docs: {
    brief: 'Check this machine: engine, versions, devices, threads, and what to do about each problem',
    fullDescription: [
      'Exits with 1 if training would not work here.',
      '',
      '  dino doctor',
      '  dino doctor --json',
    ].join('\n'),
  },
  parameters: { flags: { engine, json } },
  loader: loading<DoctorOptions>(async () => interruptible((await import('../doctor.js')).doctor)),
})
