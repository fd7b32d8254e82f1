import { buildCommand, buildRouteMap } from '@stricli/core'
import { type Context, loading } from './command.js'
import { json } from './shared-flags.js'

export interface EngineOptions {
  json: boolean
}

export interface RemoveEngineOptions extends EngineOptions {
  version: string
}

const list = buildCommand<EngineOptions, [], Context>({
  docs: { brief: 'List the TensorFlow engines on this machine, and the one that would be used' },
  parameters: { flags: { json } },
  loader: loading<EngineOptions>(async () => (await import('../engines.js')).listEngines),
})

const install = buildCommand<EngineOptions, [], Context>({
  docs: {
    brief: 'Fetch the TensorFlow library once (274 MB, with pip) into the cache',
    fullDescription:
      'The first training does the same when it finds no TensorFlow; do it ahead for a machine that will be offline.',
  },
  parameters: { flags: { json } },
  loader: loading<EngineOptions>(async () => (await import('../engines.js')).installEngine),
})

const remove = buildCommand<EngineOptions, [version: string], Context>({
  docs: { brief: 'Delete a TensorFlow engine from the cache' },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'version', parse: String, brief: 'as `dino engine list` names it' }],
    },
    flags: { json },
  },
  loader: loading<RemoveEngineOptions>(async () => (await import('../engines.js')).removeEngine, 'version'),
})

export const engine = buildRouteMap<string, Context>({
  routes: { list, install, remove },
  docs: { brief: 'List, fetch and remove the TensorFlow library that runs the training' },
})
