import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor } from './host-tensor.js'
import { dropDeadCode } from './passes/dead-code.js'
import { Queue } from './queue.js'
import type { TensorFlowSession } from './tensorflow-session.js'
import type { Traced } from './trace.js'

/** The tf.Variables that a session holds the values of. */
export class Adopted {
  private readonly variables = new Map<string, tf.Variable>()
  private readonly queue = new Queue() // functions may be compiled side by side

  constructor(private readonly session: TensorFlowSession) {}

  adopt({ program, variables: { used, made } }: Traced): Promise<void> {
    return this.queue.run(async () => {
      await this.take(program.name, used)
      if (made.length === 0) return
      const outputs = Object.fromEntries(made.map(({ variable, initial }) => [variable.name, initial]))
      const name = `${program.name} (initial values)`
      const initial = dropDeadCode({ name, nodes: program.nodes, outputs, updates: {} })
      const values = await this.session
        .load(
          initial,
          {},
        )({})
        .catch((cause: unknown) => {
          throw new Error(
            `${program.name}: the tf.Variables that it creates (${Object.keys(outputs).join(', ')}) start with values that depend on ` +
              'its inputs. Create them outside.',
            { cause },
          )
        })
      for (const { variable } of made) assign(variable, values[variable.name]!) // so far it lived in the trace
      await this.take(
        program.name,
        made.map(({ variable }) => variable),
      )
    })
  }

  async pull(): Promise<void> {
    const held = this.held()
    const values = await this.session.read(held.map(({ name }) => name))
    for (const variable of held) assign(variable, values[variable.name]!)
  }

  async push(): Promise<void> {
    await this.session.assign(await valuesOf(this.held()))
  }

  private async take(where: string, variables: tf.Variable[]): Promise<void> {
    const fresh = variables.filter((variable) => this.variables.get(variable.name) !== variable)
    for (const { name } of fresh) {
      if (!this.session.has(name)) continue
      throw new Error(
        `${where}: the session has a variable ${name} already, and it is not this tf.Variable. Give one another name.`,
      )
    }
    if (fresh.length === 0) return
    await this.session.create(await valuesOf(fresh))
    for (const variable of fresh) this.variables.set(variable.name, variable)
  }

  /** Those that neither side has removed. */
  private held(): tf.Variable[] {
    return [...this.variables.values()].filter(({ name, isDisposed }) => !isDisposed && this.session.has(name))
  }
}

async function valuesOf(variables: tf.Variable[]): Promise<Record<string, HostTensor>> {
  const values = variables.map(async (variable) => {
    const { name, shape, dtype } = variable
    const data = (await variable.data()) as Float32Array | Int32Array | Uint8Array
    return [name, { dtype: dtype as 'float32' | 'int32' | 'bool', shape, data }] as const
  })
  return Object.fromEntries(await Promise.all(values))
}

function assign(variable: tf.Variable, { data, shape }: HostTensor): void {
  tf.tidy(() => variable.assign(tf.tensor(data as Float32Array, [...shape], variable.dtype)))
}
