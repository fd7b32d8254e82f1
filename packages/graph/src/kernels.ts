import { createRequire } from 'node:module'
import util from 'node:util'
import {
  copyRegisteredKernels,
  type KernelBackend,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core'

/** What tfjs-node-gpu's kernels ask of its native addon. */
export interface Binding {
  executeOp(op: string, attributes: KernelAttribute[], inputs: number[], outputs: number): TensorMetadata[]
  createTensor(shape: number[], type: number, values: unknown): number
  deleteTensor(id: number): void
  tensorDataSync(id: number): never
  isUsingGpuDevice(): boolean
  [constant: `TF_${string}`]: number
}

export interface KernelAttribute {
  name: string
  type: number
  value: unknown
}

export interface TensorMetadata {
  id: number
  shape: number[]
  dtype: number
}

/** The part of tfjs-node-gpu's NodeJSKernelBackend that its kernels call. */
export interface NodeBackend extends KernelBackend {
  binding: Binding
  tensorMap: unknown
  getInputTensorIds(tensors: TensorInfo[]): number[]
  createOutputTensor(metadata: TensorMetadata): TensorInfo
  executeSingleOutput(op: string, attributes: KernelAttribute[], inputs: TensorInfo[]): TensorInfo
}

/** The name under which our backend is known to TensorFlow.js, while a trace lasts. */
export const TRACE_BACKEND = 'dino-trace'

let NodeBackendClass: (new (binding: Binding, packageName: string) => NodeBackend) | undefined

/**
 * tfjs-node-gpu's backend class and kernels, without its native addon: the files that we load only describe which TensorFlow op
 * each kernel becomes.
 */
export function loadKernels(): NonNullable<typeof NodeBackendClass> {
  if (NodeBackendClass) return NodeBackendClass
  // tfjs-node-gpu 4.22 calls two functions of util that warn on Node 22 and are gone since 23 (tensorflow/tfjs#8609).
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  })
  const require = createRequire(import.meta.url)
  const { NodeJSKernelBackend } = require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js')
  require('@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js')
  copyRegisteredKernels('tensorflow', TRACE_BACKEND)
  registerGather()
  NodeBackendClass = NodeJSKernelBackend
  return NodeJSKernelBackend
}

/** tfjs-node-gpu's own reads the indices to check their range, and a traced tensor has none to read. TensorFlow checks them too. */
function registerGather(): void {
  unregisterKernel('GatherV2', TRACE_BACKEND)
  registerKernel({
    kernelName: 'GatherV2',
    backendName: TRACE_BACKEND,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { x, indices } = inputs as { x: TensorInfo; indices: TensorInfo }
      const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number }
      const node = backend as NodeBackend
      const { TF_ATTR_INT, TF_ATTR_TYPE, TF_INT32 } = node.binding
      const type = ({ dtype }: TensorInfo) => ({ float32: 1, int32: 3, bool: 10, complex64: 8, string: 7 })[dtype]
      const axisInfo = { dataId: node.write(Int32Array.of(axis), [], 'int32'), shape: [], dtype: 'int32' as const }
      return node.executeSingleOutput(
        'GatherV2',
        [
          { name: 'batch_dims', type: TF_ATTR_INT!, value: batchDims },
          { name: 'Tparams', type: TF_ATTR_TYPE!, value: type(x) },
          { name: 'Tindices', type: TF_ATTR_TYPE!, value: type(indices) },
          { name: 'Taxis', type: TF_ATTR_TYPE!, value: TF_INT32 },
        ],
        [x, indices, axisInfo],
      )
    },
  })
}
