import { EagerSession } from './eager.js'
import { checkSpecs, type Feed } from './feeds.js'
import { freeze as frozen } from './freeze.js'
import { graphDef } from './graph-def.js'
import type { HostTensor } from './host-tensor.js'
import type { Program } from './ir.js'
import { type PassOptions, runPasses } from './passes/index.js'
import { checkPrecision, type Precision } from './precision.js'
import { type PrintOptions, printProgram } from './print.js'
import type { NodeTime } from './profile.js'
import type { Session } from './session.js'
import { TensorFlowSession } from './tensorflow-session.js'
import { trace } from './trace.js'
import type { InputSpec, TensorSpec, TraceableFunction } from './traceable.js'

export interface CompileOptions {
  session: Session
  /** Shape and dtype of each input; float32 by default. */
  inputs: Record<string, InputSpec>
  /** What errors and prints call it. Default: the function's name, else `compiled`. */
  name?: string
  /** Passes over the program: all by default, none for false, `{ fill: false }` to leave one out. */
  passes?: PassOptions
  /**
   * What matrix products and convolutions are computed in. `bfloat16` rounds what goes into them and what comes out, which is several
   * times as fast where the processor or GPU has it (see bfloat16Support); all else and all variables stay float32. Default `float32`.
   */
  precision?: Precision
  /**
   * Promises that the variables will not change any more. Their values become constants, which libtensorflow prepares for its products
   * once instead of in each call, so that products in bfloat16 take two thirds of the time; a later change is not seen, except on the
   * eager engine. Default false.
   */
  freeze?: boolean
  /** Print the program to the console, or give its text to a function. Default false. */
  print?: boolean | ((text: string) => void)
}

/** A function that runs as one graph. Calls are queued: each sees the variables that the one before it left. */
export interface Compiled {
  (inputs: Record<string, Feed>): Promise<Record<string, HostTensor>>
  /** What runs. Undefined on the eager engine, which has no program. */
  readonly program: Program | undefined
  /** The program as text, empty on the eager engine. */
  print(options?: PrintOptions): string
  /** The program as TensorFlow's GraphDef, in bytes: what TensorBoard and Netron show. Refused on the eager engine. */
  graphDef(): Uint8Array
  /** A call, and when each of its nodes ran. Refused on the eager engine. */
  profile(inputs: Record<string, Feed>): Promise<{ outputs: Record<string, HostTensor>; nodes: NodeTime[] }>
  /** Shape and dtype of each output; undefined on the eager engine. */
  readonly outputs: Record<string, TensorSpec> | undefined
  /** Refuses later calls. The session keeps the graph until it is closed. */
  dispose(): void
}

/**
 * Compiles TensorFlow.js code for a session: traces it once, and runs the graph from then on.
 *
 * fn has to be a pure function of its inputs, the session's variables and tf.Variables: whatever else it reads is fixed when it is
 * traced. The tf.Variables that it reads or assigns, and those that it creates, become variables of the session, under their names:
 * from then on the session's are the ones that change (see Session.pull).
 */
export async function compile(fn: TraceableFunction, options: CompileOptions): Promise<Compiled> {
  const {
    session,
    inputs,
    name = fn.name || 'compiled',
    passes,
    precision = 'float32',
    freeze = false,
    print,
  } = options
  checkSpecs(name, inputs)
  checkPrecision(name, precision, session)
  let disposed = false
  type Run = (
    feeds: Record<string, Feed>,
    onProfile?: (nodes: NodeTime[]) => void,
  ) => Promise<Record<string, HostTensor>>
  const guarded =
    (run: Run): Run =>
    async (feeds, onProfile) => {
      if (disposed) throw new Error(`${name}: disposed. Compile it again.`)
      return run(feeds, onProfile)
    }
  const dispose = () => {
    disposed = true
  }
  if (session instanceof EagerSession) {
    const run = guarded(session.load(name, fn, inputs))
    const none = (what: string) => new Error(`${name}: the eager engine has no graph to ${what}.`)
    return Object.assign((feeds: Record<string, Feed>) => run(feeds), {
      program: undefined,
      outputs: undefined,
      print: () => '',
      graphDef: () => {
        throw none('write down')
      },
      profile: () => Promise.reject(none('profile')),
      dispose,
    })
  }
  if (!(session instanceof TensorFlowSession)) throw new TypeError(`${name}: expected a session of openSession().`)
  const traced = trace(fn, { name, inputs, state: session.specs(), lib: session.lib })
  await session.adopt(traced)
  const given = freeze ? await frozen(traced.program, (names) => session.read(names)) : traced.program
  const oneDnn = !session.usesGpu && (await session.hasOneDnn())
  const program = runPasses(given, session.usesGpu ? withoutFuse(passes) : passes, { precision, oneDnn })
  const text = (options?: PrintOptions) => printProgram(program, options)
  if (print) (typeof print === 'function' ? print : console.log)(text())
  const outputs = Object.fromEntries(
    Object.entries(program.outputs).map(([output, { node, output: index }]) => [
      output,
      program.nodes[node]!.outputs[index]!,
    ]),
  ) as Record<string, TensorSpec>
  const run = guarded(session.load(program, inputs))
  const profile = async (feeds: Record<string, Feed>) => {
    let nodes: NodeTime[] = []
    const outputs = await run(feeds, (times) => (nodes = times))
    return { outputs, nodes }
  }
  const variables = session.specs()
  return Object.assign((feeds: Record<string, Feed>) => run(feeds), {
    program,
    outputs,
    print: text,
    graphDef: () => graphDef(program, variables, session.lib),
    profile,
    dispose,
  })
}

/** XLA has never been tried with our functions on a GPU: there it runs only for those who ask by name. */
function withoutFuse(passes: PassOptions = true): PassOptions {
  if (typeof passes === 'object') return { fuse: false, ...passes }
  return passes && { fuse: false }
}
