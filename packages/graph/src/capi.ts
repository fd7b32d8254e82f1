import type { LibraryHandle, TypeObject } from 'koffi'

/** A C pointer; koffi shows them as BigInt. */
export type Pointer = bigint

/** TF_Output: one output of an operation. */
export interface Output {
  oper: Pointer
  index: number
}

/** A C function; `async` runs it on a thread of libuv's pool. */
export type CFunction<A extends unknown[], R> = ((...args: A) => R) & {
  async(...args: [...A, (error: Error | null, result: R) => void]): void
}

export type CApi = ReturnType<typeof declareCApi>

/**
 * The functions of TensorFlow's C API that we call (tensorflow/c/c_api.h, tf_tensor.h, tf_status.h).
 *
 * @param output TF_Output as koffi knows it
 */
export function declareCApi(library: LibraryHandle, output: TypeObject) {
  const c = <A extends unknown[], R>(name: string, result: string, args: (string | TypeObject)[]) =>
    library.func(name, result, args) as unknown as CFunction<A, R>
  const p = 'void *'
  type P = Pointer
  type Longs = BigInt64Array // of int64_t, of pointers, or of packed TF_Outputs
  return {
    version: c<[], string>('TF_Version', 'str', []),
    newStatus: c<[], P>('TF_NewStatus', p, []),
    deleteStatus: c<[P], void>('TF_DeleteStatus', 'void', [p]),
    getCode: c<[P], number>('TF_GetCode', 'int', [p]),
    message: c<[P], string>('TF_Message', 'str', [p]),
    newBuffer: c<[], P>('TF_NewBuffer', p, []),
    deleteBuffer: c<[P], void>('TF_DeleteBuffer', 'void', [p]),
    newBufferFromString: c<[Uint8Array, number], P>('TF_NewBufferFromString', p, [p, 'size_t']),

    allocateTensor: c<[number, Longs, number, number], P>('TF_AllocateTensor', p, ['int', p, 'int', 'size_t']),
    deleteTensor: c<[P], void>('TF_DeleteTensor', 'void', [p]),
    tensorData: c<[P], P>('TF_TensorData', p, [p]),
    tensorType: c<[P], number>('TF_TensorType', 'int', [p]),
    numDims: c<[P], number>('TF_NumDims', 'int', [p]),
    dim: c<[P, number], number | bigint>('TF_Dim', 'int64_t', [p, 'int']),

    newGraph: c<[], P>('TF_NewGraph', p, []),
    deleteGraph: c<[P], void>('TF_DeleteGraph', 'void', [p]),
    graphGetOpDef: c<[P, string, P, P], void>('TF_GraphGetOpDef', 'void', [p, 'str', p, p]),
    numShapeDims: c<[P, Output, P], number>('TF_GraphGetTensorNumDims', 'int', [p, output, p]),
    shape: c<[P, Output, Longs, number, P], void>('TF_GraphGetTensorShape', 'void', [p, output, p, 'int', p]),
    graphToGraphDef: c<[P, P, P], void>('TF_GraphToGraphDef', 'void', [p, p, p]),
    newOperation: c<[P, string, string], P>('TF_NewOperation', p, [p, 'str', 'str']),
    finishOperation: c<[P, P], P | null>('TF_FinishOperation', p, [p, p]),
    numOutputs: c<[P], number>('TF_OperationNumOutputs', 'int', [p]),
    outputType: c<[Output], number>('TF_OperationOutputType', 'int', [output]),
    setDevice: c<[P, string], void>('TF_SetDevice', 'void', [p, 'str']),
    addInput: c<[P, Output], void>('TF_AddInput', 'void', [p, output]),
    addInputList: c<[P, Longs, number], void>('TF_AddInputList', 'void', [p, p, 'int']),
    addControlInput: c<[P, P], void>('TF_AddControlInput', 'void', [p, p]),
    setAttrType: c<[P, string, number], void>('TF_SetAttrType', 'void', [p, 'str', 'int']),
    setAttrBool: c<[P, string, number], void>('TF_SetAttrBool', 'void', [p, 'str', 'uint8_t']),
    setAttrInt: c<[P, string, number], void>('TF_SetAttrInt', 'void', [p, 'str', 'int64_t']),
    setAttrInts: c<[P, string, Longs, number], void>('TF_SetAttrIntList', 'void', [p, 'str', p, 'int']),
    setAttrFloat: c<[P, string, number], void>('TF_SetAttrFloat', 'void', [p, 'str', 'float']),
    setAttrString: c<[P, string, string, number], void>('TF_SetAttrString', 'void', [p, 'str', 'str', 'size_t']),
    setAttrStrings: c<[P, string, string[], Longs, number], void>('TF_SetAttrStringList', 'void', [
      p,
      'str',
      'str *',
      p,
      'int',
    ]),
    setAttrShape: c<[P, string, Longs, number], void>('TF_SetAttrShape', 'void', [p, 'str', p, 'int']),
    setAttrTensor: c<[P, string, P, P], void>('TF_SetAttrTensor', 'void', [p, 'str', p, p]),

    // body, name, whether to append a hash; operations (-1: all); inputs; outputs, their names; options, description, status
    graphToFunction: c<
      [P, string, number, number, null, number, Longs, number, Longs, null, null, string, P],
      P | null
    >('TF_GraphToFunction', p, [p, 'str', 'uint8_t', 'int', p, 'int', p, 'int', p, p, p, 'str', p]),
    graphCopyFunction: c<[P, P, null, P], void>('TF_GraphCopyFunction', 'void', [p, p, p, p]),
    deleteFunction: c<[P], void>('TF_DeleteFunction', 'void', [p]),

    newSessionOptions: c<[], P>('TF_NewSessionOptions', p, []),
    deleteSessionOptions: c<[P], void>('TF_DeleteSessionOptions', 'void', [p]),
    setConfig: c<[P, Uint8Array, number, P], void>('TF_SetConfig', 'void', [p, p, 'size_t', p]),
    newSession: c<[P, P, P], P | null>('TF_NewSession', p, [p, p, p]),
    closeSession: c<[P, P], void>('TF_CloseSession', 'void', [p, p]),
    deleteSession: c<[P, P], void>('TF_DeleteSession', 'void', [p, p]),
    listDevices: c<[P, P], P | null>('TF_SessionListDevices', p, [p, p]),
    deviceCount: c<[P], number>('TF_DeviceListCount', 'int', [p]),
    deviceName: c<[P, number, P], string>('TF_DeviceListName', 'str', [p, 'int', p]),
    deleteDeviceList: c<[P], void>('TF_DeleteDeviceList', 'void', [p]),
    // session, run options, feeds, their tensors, n, fetches, results, n, targets, n, run metadata, status
    sessionRun: c<[P, P | null, Longs, Longs, number, Longs, Longs, number, Longs, number, P | null, P], void>(
      'TF_SessionRun',
      'void',
      [p, p, p, p, 'int', p, p, 'int', p, 'int', p, p],
    ),
  }
}

/** TF_Output[] as C lays it out: a pointer and an int, padded to 16 bytes. */
export function packOutputs(outputs: readonly Output[]): BigInt64Array<ArrayBuffer> {
  const packed = new BigInt64Array(2 * outputs.length)
  outputs.forEach(({ oper, index }, i) => {
    packed[2 * i] = oper
    packed[2 * i + 1] = BigInt(index) // little-endian: the int is the low half, the padding is 0
  })
  return packed
}
