// Lists the ops that TensorFlow's CUDA build has GPU kernels for, and for which types, as JSON.
//   node packages/graph/scripts/list-gpu-kernels.mjs FOLDER > apps/trainer/src/train/gpu-kernels.json
// FOLDER holds a libtensorflow with CUDA; no GPU is needed.
import { join } from 'node:path'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import koffi from 'koffi'
import { describeEngine } from '../dist/engine/index.js'

const [folder] = process.argv.slice(2)
if (!folder) {
  console.error('list-gpu-kernels: expected the folder of a libtensorflow with CUDA, such as site-packages/tensorflow.')
  process.exit(2)
}
const cc = join(folder, 'libtensorflow_cc.so.2')
const { version } = await describeEngine({
  libraries: { framework: join(folder, 'libtensorflow_framework.so.2'), cc, preload: [] },
})
const library = koffi.load(cc)
const all = library.func('TF_GetAllRegisteredKernels', 'void *', ['void *'])
const status = library.func('TF_NewStatus', 'void *', [])()
const layout = koffi.struct({ data: 'void *', length: 'size_t', deallocator: 'void *' })
const { data, length } = koffi.decode(all(status), layout)
const bytes = new Uint8Array(koffi.view(data, Number(length))).slice()

// tensorflow/core/framework/types.proto; the types that programs have.
const TYPES = {
  1: 'float32',
  3: 'int32',
  4: 'uint8',
  8: 'complex64',
  9: 'int64',
  10: 'bool',
  14: 'bfloat16',
  19: 'float16',
}

/** Field numbers: tensorflow/core/framework/kernel_def.proto, attr_value.proto. */
function message(bytes, fields) {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (fields[field]) fields[field](reader, type)
    else reader.skip(type)
  }
}

const kernels = {}
message(bytes, {
  1: (r) => {
    const kernel = { op: '', device: '', constraints: {}, label: '' }
    message(r.bytes(), {
      1: (r) => (kernel.op = r.string()),
      2: (r) => (kernel.device = r.string()),
      3: (r) => {
        let name = ''
        const types = []
        message(r.bytes(), {
          1: (r) => (name = r.string()),
          2: (r) =>
            message(r.bytes(), {
              1: (r) =>
                message(r.bytes(), {
                  6: (r, type) => {
                    if (type !== 2) return types.push(r.int32())
                    for (const end = r.uint32() + r.pos; r.pos < end; ) types.push(r.int32())
                  },
                }),
            }),
        })
        kernel.constraints[name] = types
      },
      5: (r) => (kernel.label = r.string()),
    })
    if (!['GPU', 'DEFAULT'].includes(kernel.device) || kernel.label) return
    const named = Object.entries(kernel.constraints).map(([name, types]) => [
      name,
      types.map((type) => TYPES[type]).filter(Boolean),
    ])
    if (named.some(([, types]) => types.length === 0)) return
    const text = named.map(([name, types]) => `${name}=${types.join('|')}`).join(' ')
    const list = (kernels[kernel.op] ??= [])
    if (!list.includes(text)) list.push(text)
  },
})
const ops = Object.keys(kernels).sort()
const lines = ops.map((op) => `    ${JSON.stringify(op)}: ${JSON.stringify(kernels[op].sort())}`)
process.stdout.write(`{\n  "version": "${version}",\n  "kernels": {\n${lines.join(',\n')}\n  }\n}\n`)
console.error(`${ops.length} ops have GPU kernels in TensorFlow ${version}.`)
