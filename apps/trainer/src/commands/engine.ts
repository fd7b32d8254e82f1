import { buildCommand, buildRouteMap } from '@stricli/core'
import { Failure } from '../report/io.js'
import { type Context, loading } from './command.js'
import { json } from './shared-flags.js'

export interface EngineOptions {
  json: boolean
}

export interface InstallEngineOptions extends EngineOptions {
  /** The build for NVIDIA's GPUs. */
  build?: 'cuda'
}

export interface RemoveEngineOptions extends EngineOptions {
  version: string
}

function build(text: string): 'cuda' {
  if (text === 'cuda') return text
  throw new Failure(`expected cuda or nothing, got ${JSON.stringify(text)}`, 2)
}

const list = buildCommand<EngineOptions, [], Context>({
  docs: { brief: 'List the TensorFlow engines on this machine, and the one that would be used' },
  parameters: { flags: { json } },
  loader: loading<EngineOptions>(async () => (await import('../engines.js')).listEngines),
})

const install = buildCommand<EngineOptions, [build?: 'cuda'], Context>({
  docs: {
    brief: 'Fetch the TensorFlow library once (274 MB, with pip) into the cache',
    fullDescription: [
      'The first training does the same when it finds no TensorFlow; do it ahead for a machine that will be offline.',
      '',
      '  dino engine install         for the CPU',
      "  dino engine install cuda    for NVIDIA's GPUs, with the libraries of CUDA (Linux x64; 3 GB to fetch, 4.6 GB on disk)",
      '',
      "The build with CUDA is used wherever NVIDIA's driver answers; `dino train --device cpu` leaves it out.",
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'build', parse: build, optional: true, brief: "cuda is the one for NVIDIA's GPUs" }],
    },
    flags: { json },
  },
  loader: loading<InstallEngineOptions>(async () => (await import('../engines.js')).installEngine, 'build'),
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
