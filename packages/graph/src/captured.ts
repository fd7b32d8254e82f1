import { engine, Variable } from '@tensorflow/tfjs-core'
import type { Ref } from './ir.js'
import type { TraceBackend } from './trace-backend.js'
import type { Tracer } from './tracer.js'

/** The tf.Variables that a traced function touches, as a session is to hold them. */
export interface CapturedVariables {
  /** Read or assigned, there before the trace. */
  used: Variable[]
  /** Created by the function, such as an optimizer's moments, with the node of their initial value. */
  made: { variable: Variable; initial: Ref }[]
  /** What they are at the end. */
  updates: Record<string, Ref>
}

/**
 * While a trace lasts, tf.Variables are state: reading one reads a variable of the session, assigning one is an update, and what is
 * read after that is the new value. `restore` gives each its own data back.
 */
export function captureVariables(tracer: Tracer, backend: TraceBackend) {
  const target = engine()
  const { assign } = Variable.prototype
  const { makeVariable } = target
  const own = new Map<Variable, object>() // where each one's data was
  const standIns: object[] = []
  const used = new Set<Variable>()
  const made = new Map<Variable, Ref>()
  const updates = new Map<Variable, Ref>()

  const standIn = (variable: Variable) => {
    own.set(variable, variable.dataId)
    let id: number | undefined
    variable.dataId = backend.hold(variable, () => {
      if (!made.has(variable)) used.add(variable)
      const { name, shape } = variable
      const dtype = variable.dtype as 'float32' | 'int32' | 'bool'
      return (id ??= tracer.metadata(tracer.source('ReadVariableOp', name, { shape, dtype })).id)
    })
    standIns.push(variable.dataId)
  }
  // Variables may share their data until one is assigned, so each gets a place of its own.
  for (const variable of Object.values(target.registeredVariables)) if (variable.dtype !== 'string') standIn(variable)

  target.makeVariable = (...args) => {
    const variable = makeVariable.apply(target, args)
    const initial = tracer.ref(backend.getInputTensorIds([variable])[0]!)
    made.set(variable, initial)
    standIn(variable)
    return variable
  }
  Variable.prototype.assign = function (this: Variable, value) {
    for (const what of ['dtype', 'shape'] as const) {
      if (String(value[what]) === String(this[what])) continue
      const [expected, got] = [this, value].map((tensor) => JSON.stringify(tensor[what]))
      throw new Error(`${tracer.name}: tf.Variable ${this.name} has ${what} ${expected}, and is assigned ${got}.`)
    }
    const id = backend.getInputTensorIds([value])[0]!
    if (!made.has(this)) used.add(this)
    updates.set(this, tracer.ref(id))
    this.dataId = backend.hold(this, () => id)
    standIns.push(this.dataId)
  }
  return {
    captured: (): CapturedVariables => ({
      used: [...used],
      made: [...made].map(([variable, initial]) => ({ variable, initial })),
      updates: Object.fromEntries([...updates].map(([{ name }, ref]) => [name, ref])),
    }),
    /** @param failed whether those that the function created are of no use */
    restore(failed: boolean): void {
      Reflect.deleteProperty(target, 'makeVariable') // the prototype's is back
      Variable.prototype.assign = assign
      for (const dataId of standIns) target.removeDataId(dataId, backend)
      for (const [variable, dataId] of own) variable.dataId = dataId
      if (failed) for (const variable of made.keys()) variable.dispose()
    },
  }
}
