import { engine } from '@tensorflow/tfjs-core'

/** Calls `around` in place of each kernel, with a function that runs it; the function returned ends that. */
export function interceptKernels(around: (kernel: string, run: () => unknown) => unknown): () => void {
  const target = engine() as unknown as { runKernel: (kernel: string, ...rest: unknown[]) => unknown }
  const { runKernel } = target
  const owned = Object.hasOwn(target, 'runKernel') // else it is the prototype's
  target.runKernel = (kernel, ...rest) => around(kernel, () => runKernel.call(target, kernel, ...rest))
  return () => {
    if (owned) target.runKernel = runKernel
    else Reflect.deleteProperty(target, 'runKernel')
  }
}
