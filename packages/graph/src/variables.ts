import { checkTensorData } from './feeds.js'
import { bytesOf, type Dtype, type HostTensor, typeText } from './host-tensor.js'
import type { TensorSpec } from './traceable.js'

export interface VariableSpec {
  shape: readonly number[]
  dtype: Dtype
}

/** The variables of a session by name, in the order of creation, and the checks that every engine makes. */
export class Variables<V extends { spec: VariableSpec }> extends Map<string, V> {
  need(where: string, name: string): V {
    const variable = this.get(name)
    if (!variable)
      throw new Error(`${where}: the session has no variable ${name} (it has ${this.size}). Create it first.`)
    return variable
  }

  checkNew(values: Record<string, HostTensor>): void {
    for (const [name, value] of Object.entries(values)) {
      if (this.has(name))
        throw new Error(`create: the session has a variable ${name} already. Assign it, or remove it first.`)
      checkTensorData(`create: ${name}`, value)
    }
  }

  checkAssigned(values: Record<string, HostTensor>): void {
    for (const [name, value] of Object.entries(values)) {
      const { spec } = this.need('assign', name)
      checkTensorData(`assign: ${name}`, value)
      if (typeText(value) !== typeText(spec)) {
        throw new RangeError(`assign: expected ${name} to be ${typeText(spec)}, got ${typeText(value)}.`)
      }
    }
  }

  specs(): Record<string, TensorSpec> {
    return Object.fromEntries([...this].map(([name, { spec }]) => [name, spec]))
  }

  memory(): { variables: number; bytes: number } {
    const bytes = [...this.values()].reduce((sum, { spec }) => sum + bytesOf(spec), 0)
    return { variables: this.size, bytes }
  }
}
