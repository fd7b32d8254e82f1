import { existsSync } from 'node:fs'
import { type Compiled, compile, openSession, type Session } from '@dino/graph'
import type { HostTensor } from '@dino/weights'
import type * as tf from '@tensorflow/tfjs-core'
import { Failure } from '../failure.js'
import type { Tensors } from './check.js'

/** Where a case's functions run. */
export interface Engine {
  /** As the table shows it: tensorflow or eager. */
  name: string
  /** What was found, for the line above the table. */
  found: string
  open(): Promise<Session>
}

/** @param asked tensorflow, eager, or the folder of a libtensorflow */
export async function findEngine(asked: string): Promise<Engine> {
  const named = asked === 'tensorflow' || asked === 'eager'
  if (!named && !existsSync(asked)) {
    throw new Failure(`--engine: expected tensorflow, eager or the folder of a libtensorflow, got ${asked}.`, 2)
  }
  const engine = asked === 'tensorflow' ? 'auto' : asked
  const onProgress = ({ message }: { message?: string }) => void (message && process.stderr.write(`${message}\n`))
  const session = await openSession({ engine, onProgress }).catch((error: Error) => {
    throw new Failure(`--engine ${asked}: ${error.message}`, 1)
  })
  const { engine: info } = session
  await session.close()
  const found =
    info.kind === 'eager' ? `TensorFlow.js, backend ${info.backend}` : `libtensorflow ${info.version} in ${info.path}`
  return { name: asked, found, open: () => openSession({ engine }) }
}

/** Compiles a function for the shapes of these inputs, runs it once, and lets go of it. */
export async function evaluate(
  engine: Engine,
  name: string,
  inputs: Tensors,
  fn: (inputs: Record<string, tf.Tensor>) => Record<string, tf.Tensor>,
): Promise<Tensors> {
  const session = await engine.open()
  try {
    const compiled = await compileFor(session, name, inputs, (values) => ({ outputs: fn(values) }))
    return await compiled(inputs)
  } finally {
    await session.close()
  }
}

export function compileFor(
  session: Session,
  name: string,
  inputs: Tensors,
  fn: Parameters<typeof compile>[0],
): Promise<Compiled> {
  const specs = Object.entries(inputs).map(([key, value]) => [key, { shape: value.shape, dtype: dtype(key, value) }])
  return compile(fn, { session, name, inputs: Object.fromEntries(specs) })
}

function dtype(name: string, { dtype }: HostTensor) {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'uint8' || dtype === 'bool') return dtype
  throw new Error(`expected ${name} to be float32, int32, uint8 or bool, got ${dtype}.`)
}
