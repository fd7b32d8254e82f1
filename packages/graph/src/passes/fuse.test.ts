import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { compile, openSession, type TraceableFunction } from '../index.js'
import { printProgram } from '../print.js'
import { useBias } from './bias.js'
import { sumColumns } from './column-sums.js'
import { dropDeadCode } from './dead-code.js'
import { fuse } from './fuse.js'
import { f32, floats, ints, program, reduction } from './program.fixture.js'

const rows = 2048
const columns = 1024

test('element-wise ops and reductions between products become one function, and equal ones share it', () => {
  const before = program((op, constant) => {
    const half = constant(floats([], [0.5]))
    const layer = (x: ReturnType<typeof op>, w: string) => {
      const product = op('MatMul', [x, op('ReadVariableOp', [], f32(columns, columns), w)], f32(rows, columns))
      return op(
        'Mul',
        [op('Tanh', [op('Mul', [product, half], f32(rows, columns))], f32(rows, columns)), half],
        f32(rows, columns),
      )
    }
    const x = op('Placeholder', [], f32(rows, columns), 'x')
    return { outputs: { y: op('MatMul', [layer(layer(x, 'a'), 'b'), x], f32(rows, rows)) } }
  })
  expect(printProgram(before)).toMatchInlineSnapshot(`
    "%0: float32[] = Const {value=0.5}
    %1: float32[2048,1024] = Placeholder {name="x"}
    %2: float32[1024,1024] = ReadVariableOp {name="a"}
    %3: float32[2048,1024] = MatMul(%1, %2)
    %4: float32[2048,1024] = Mul(%3, %0)
    %5: float32[2048,1024] = Tanh(%4)
    %6: float32[2048,1024] = Mul(%5, %0)
    %7: float32[1024,1024] = ReadVariableOp {name="b"}
    %8: float32[2048,1024] = MatMul(%6, %7)
    %9: float32[2048,1024] = Mul(%8, %0)
    %10: float32[2048,1024] = Tanh(%9)
    %11: float32[2048,1024] = Mul(%10, %0)
    %12: float32[2048,2048] = MatMul(%11, %1)
    return y=%12"
  `)
  expect(printProgram(dropDeadCode(fuse(before)))).toMatchInlineSnapshot(`
    "%0: float32[2048,1024] = Placeholder {name="x"}
    %1: float32[1024,1024] = ReadVariableOp {name="a"}
    %2: float32[2048,1024] = MatMul(%0, %1)
    %3: float32[2048,1024] = Fused(%2) {function="fused_0"}
    %4: float32[1024,1024] = ReadVariableOp {name="b"}
    %5: float32[2048,1024] = MatMul(%3, %4)
    %6: float32[2048,1024] = Fused(%5) {function="fused_0"}
    %7: float32[2048,2048] = MatMul(%6, %0)
    return y=%7
    fused_0:
      %0: float32[2048,1024] = Placeholder {name="0"}
      %1: float32[] = Const {value=0.5}
      %2: float32[2048,1024] = Mul(%0, %1)
      %3: float32[2048,1024] = Tanh(%2)
      %4: float32[2048,1024] = Mul(%3, %1)
      return 0=%4"
  `)
})

test('rows are summed in two steps that XLA does not take for one', () => {
  const fused = fuse(
    program((op, constant) => {
      const x = op('Placeholder', [], f32(rows, 64), 'x')
      const mean = op('Mean', [op('Square', [x], f32(rows, 64)), constant(ints([1]))], f32(rows, 1), {
        ...reduction,
        keep_dims: { type: 'bool', value: true },
      })
      return { outputs: { y: op('Mul', [x, op('Rsqrt', [mean], f32(rows, 1))], f32(rows, 64)) } }
    }),
    0,
  )
  expect(printProgram(dropDeadCode(fused))).toMatchInlineSnapshot(`
    "%0: float32[2048,64] = Placeholder {name="x"}
    %1: float32[] = Const {value=-Infinity}
    %2: float32[2048,64] = Fused(%0, %1) {function="fused_0"}
    return y=%2
    fused_0:
      %0: float32[2048,64] = Placeholder {name="0"}
      %1: float32[2048,64] = Square(%0)
      %2: float32[] = Placeholder {name="1"}
      %3: int32[3] = Const {value=[-1, 4, 16]}
      %4: float32[2048,4,16] = Reshape(%1, %3)
      %5: int32[1] = Const {value=[1]}
      %6: float32[2048,16] = Sum(%4, %5)
      %7: float32[2048,16] = Maximum(%6, %2)
      %8: int32[1] = Const {value=[1]}
      %9: float32[2048,1] = Sum(%7, %8) {keep_dims=true}
      %10: float32[] = Const {value=0.015625}
      %11: float32[2048,1] = Mul(%9, %10)
      %12: float32[2048,1] = Rsqrt(%11)
      %13: float32[2048,64] = Mul(%0, %12)
      return 0=%13"
  `)
})

test('arithmetic in bfloat16 is fused also where it stands alone, and in float32 it is not', () => {
  const alone = (dtype: 'bfloat16' | 'float32') =>
    fuse(
      program((op) => {
        const type = { dtype, shape: [4 * rows, columns] }
        const x = op('Placeholder', [], type, 'x')
        const y = op('AddV2', [x, op('Placeholder', [], { dtype, shape: [columns] }, 'bias')], type)
        return { outputs: { y: op('Transpose', [y], { dtype, shape: [columns, 4 * rows] }) } }
      }),
    ).nodes.map(({ op }) => op)
  expect(alone('bfloat16')).toEqual(['Placeholder', 'Placeholder', 'Fused', 'Transpose'])
  expect(alone('float32')).toEqual(['Placeholder', 'Placeholder', 'AddV2', 'Transpose'])
})

test('what leads through a product to itself is not fused with its beginning', () => {
  const before = program((op) => {
    const x = op('Exp', [op('Neg', [op('Placeholder', [], f32(rows, rows), 'x')], f32(rows, rows))], f32(rows, rows))
    const product = op('MatMul', [x, x], f32(rows, rows))
    return { outputs: { y: op('Add', [op('Mul', [product, x], f32(rows, rows)), x], f32(rows, rows)) } }
  })
  expect(printProgram(fuse(before))).toMatchInlineSnapshot(`
    "%0: float32[2048,2048] = Placeholder {name="x"}
    %1: float32[2048,2048] = Fused(%0) {function="fused_0"}
    %2: float32[2048,2048] = MatMul(%1, %1)
    %3: float32[2048,2048] = Fused(%2, %1) {function="fused_1"}
    return y=%3
    fused_0:
      %0: float32[2048,2048] = Placeholder {name="0"}
      %1: float32[2048,2048] = Neg(%0)
      %2: float32[2048,2048] = Exp(%1)
      return 0=%2
    fused_1:
      %0: float32[2048,2048] = Placeholder {name="0"}
      %1: float32[2048,2048] = Placeholder {name="1"}
      %2: float32[2048,2048] = Mul(%0, %1)
      %3: float32[2048,2048] = Add(%2, %1)
      return 0=%3"
  `)
})

test('what is needed late is computed late, and small tensors connect nothing', () => {
  const before = program((op, constant) => {
    const rate = op('Placeholder', [], f32(), 'rate')
    const kept = op('Sub', [constant(floats([], [1])), rate], f32())
    const updates: Record<string, ReturnType<typeof op>> = {}
    for (const name of ['v', 'w']) {
      const value = op('ReadVariableOp', [], f32(rows, rows), name)
      const decayed = op('Mul', [value, kept], f32(rows, rows))
      const gradient = op('MatMul', [value, value], f32(rows, rows))
      updates[name] = op('Sub', [decayed, op('Mul', [gradient, rate], f32(rows, rows))], f32(rows, rows))
    }
    return { outputs: {}, updates }
  })
  expect(printProgram(fuse(before))).toMatchInlineSnapshot(`
    "%0: float32[] = Placeholder {name="rate"}
    %1: float32[] = Const {value=1}
    %2: float32[] = Sub(%1, %0)
    %3: float32[2048,2048] = ReadVariableOp {name="v"}
    %4: float32[2048,2048] = MatMul(%3, %3)
    %5: float32[2048,2048] = Fused(%3, %2, %4, %0) {function="fused_0"}
    %6: float32[2048,2048] = ReadVariableOp {name="w"}
    %7: float32[2048,2048] = MatMul(%6, %6)
    %8: float32[2048,2048] = Fused(%6, %2, %7, %0) {function="fused_0"}
    return nothing
    assign v=%5, w=%8
    fused_0:
      %0: float32[2048,2048] = Placeholder {name="0"}
      %1: float32[] = Placeholder {name="1"}
      %2: float32[2048,2048] = Mul(%0, %1)
      %3: float32[2048,2048] = Placeholder {name="2"}
      %4: float32[] = Placeholder {name="3"}
      %5: float32[2048,2048] = Mul(%3, %4)
      %6: float32[2048,2048] = Sub(%2, %5)
      return 0=%6"
  `)
})

test('a bias joins the product that nobody else uses', () => {
  const before = program((op) => {
    const x = op('Placeholder', [], f32(2, 3), 'x')
    const w = op('ReadVariableOp', [], f32(3, 4), 'w')
    const bias = op('ReadVariableOp', [], f32(4), 'bias')
    const [once, twice] = [x, op('Neg', [x], f32(2, 3))].map((input) => op('MatMul', [input, w], f32(2, 4)))
    return {
      outputs: { y: op('AddV2', [once!, bias], f32(2, 4)), z: op('AddV2', [twice!, bias], f32(2, 4)), twice: twice! },
    }
  })
  expect(printProgram(before)).toMatchInlineSnapshot(`
    "%0: float32[2,3] = Placeholder {name="x"}
    %1: float32[3,4] = ReadVariableOp {name="w"}
    %2: float32[4] = ReadVariableOp {name="bias"}
    %3: float32[2,3] = Neg(%0)
    %4: float32[2,4] = MatMul(%0, %1)
    %5: float32[2,4] = MatMul(%3, %1)
    %6: float32[2,4] = AddV2(%4, %2)
    %7: float32[2,4] = AddV2(%5, %2)
    return y=%6, z=%7, twice=%5"
  `)
  expect(printProgram(dropDeadCode(useBias(before)))).toMatchInlineSnapshot(`
    "%0: float32[2,3] = Placeholder {name="x"}
    %1: float32[3,4] = ReadVariableOp {name="w"}
    %2: float32[4] = ReadVariableOp {name="bias"}
    %3: float32[2,3] = Neg(%0)
    %4: float32[2,4] = MatMul(%3, %1)
    %5: float32[2,4] = _FusedMatMul(%0, %1, %2) {fused_ops=["BiasAdd"]}
    %6: float32[2,4] = AddV2(%4, %2)
    return y=%5, z=%6, twice=%4"
  `)
})

test('in bfloat16 only constant weights take a bias along', () => {
  const bf16 = (...shape: number[]) => ({ dtype: 'bfloat16', shape }) as const
  const attributes = { T: { type: 'dtype', value: 'bfloat16' } } as const
  const before = program((op, constant) => {
    const x = op('Placeholder', [], bf16(2, 3), 'x')
    const bias = op('ReadVariableOp', [], bf16(4), 'bias')
    const fixed = constant({ dtype: 'bfloat16', shape: [3, 4], data: new Uint16Array(12).fill(16256) })
    const products = [fixed, op('ReadVariableOp', [], bf16(3, 4), 'w')].map((w) => op('MatMul', [x, w], bf16(2, 4)))
    const [y, z] = products.map((product) => op('AddV2', [product, bias], bf16(2, 4), attributes))
    return { outputs: { y: y!, z: z! } }
  })
  expect(printProgram(dropDeadCode(useBias(before)))).toMatchInlineSnapshot(`
    "%0: bfloat16[2,3] = Placeholder {name="x"}
    %1: bfloat16[4] = ReadVariableOp {name="bias"}
    %2: bfloat16[3,4] = Const {value=[16256, 16256, 16256, 16256, 16256, 16256, 16256, 16256, … 12 in all]}
    %3: bfloat16[3,4] = ReadVariableOp {name="w"}
    %4: bfloat16[2,4] = MatMul(%0, %3)
    %5: bfloat16[2,4] = _FusedMatMul(%0, %2, %1) {fused_ops=["BiasAdd"]}
    %6: bfloat16[2,4] = AddV2(%4, %1)
    return y=%5, z=%6"
  `)
})

test('columns of large matrices are summed by BiasAddGrad; rows and small ones stay', () => {
  const before = program((op, constant) => {
    const x = op('Placeholder', [], f32(rows, rows), 'x')
    const small = op('Placeholder', [], f32(2, 2), 'small')
    const [columns, rowsOf] = [0, 1].map((axis) => constant(ints([axis])))
    return {
      outputs: {
        columns: op('Sum', [x, columns!], f32(rows), reduction),
        rows: op('Sum', [x, rowsOf!], f32(rows), reduction),
        small: op('Sum', [small, columns!], f32(2), reduction),
      },
    }
  })
  expect(printProgram(sumColumns(before))).toMatchInlineSnapshot(`
    "%0: float32[2048,2048] = Placeholder {name="x"}
    %1: float32[2,2] = Placeholder {name="small"}
    %2: int32[1] = Const {value=[0]}
    %3: int32[1] = Const {value=[1]}
    %4: float32[2048] = BiasAddGrad(%0)
    %5: float32[2048] = Sum(%0, %3)
    %6: float32[2] = Sum(%1, %2)
    return columns=%4, rows=%5, small=%6"
  `)
})

test('a fused program gives what the same program gives op by op, within rounding', { timeout: 60_000 }, async () => {
  const session = await openSession()
  const names = ['x', 'w', 'scale']
  const block: TraceableFunction = (inputs) => {
    const [x, w, scale] = names.map((name) => inputs[name]!)
    const f = (x: tf.Tensor, w: tf.Tensor, scale: tf.Tensor) => {
      const centred = tf.sub(x, tf.mean(x, 1, true))
      const normal = tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-6)))
      const h = tf.matMul(tf.mul(normal, scale) as tf.Tensor2D, w as tf.Tensor2D)
      return tf.sum(tf.square(tf.add(x, tf.mul(h, tf.sigmoid(h))))) as tf.Scalar
    }
    const { value, grads } = tf.valueAndGrads(f as (...args: tf.Tensor[]) => tf.Scalar)([x!, w!, scale!])
    return { outputs: { value, dx: grads[0]!, dw: grads[1]!, dscale: grads[2]! } }
  }
  const inputs = { x: { shape: [rows, 256] }, w: { shape: [256, 256] }, scale: { shape: [256] } }
  const wave = (size: number, factor: number) =>
    Float32Array.from({ length: size }, (_, i) => factor * Math.sin(i * 0.37))
  const feeds = { x: wave(rows * 256, 1), w: wave(256 * 256, 0.1), scale: wave(256, 1) }
  const plain = await compile(block, { session, name: 'plain', inputs, passes: false })
  const fused = await compile(block, { session, name: 'fused', inputs })
  expect(fused.print()).toContain('Fused')
  const [expected, actual] = [await plain(feeds), await fused(feeds)]
  for (const [name, { data }] of Object.entries(expected)) {
    const [want, got] = [data, actual[name]!.data] as [Float32Array, Float32Array]
    const scale = want.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
    const difference = want.reduce((largest, value, i) => Math.max(largest, Math.abs(value - got[i]!)), 0)
    expect(difference / scale, name).toBeLessThan(1e-5)
  }
  await session.close()
})
