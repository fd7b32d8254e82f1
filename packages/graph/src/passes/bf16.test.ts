import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import type { HostTensor } from '../host-tensor.js'
import { compile, openSession } from '../index.js'
import type { Attribute, Program } from '../ir.js'
import { printProgram } from '../print.js'
import { toBfloat16 } from './bf16.js'
import { f32, floats, ints, program } from './program.fixture.js'

const moved: Record<string, Attribute> = { T: { type: 'dtype', value: 'float32' } }

test('products take and give bfloat16; a bias and moves stay in it, the rest widens', () => {
  const before = program((op, constant) => {
    const x = op('Placeholder', [], f32(256, 64), 'x')
    const w = op('ReadVariableOp', [], f32(64, 128), 'w')
    const b = op('ReadVariableOp', [], f32(128), 'b')
    const h = op('AddV2', [op('MatMul', [x, w], f32(256, 128)), b], f32(256, 128), moved)
    const t = op('Transpose', [h, constant(ints([1, 0]))], f32(128, 256), moved)
    const y = op('MatMul', [t, op('Exp', [h], f32(256, 128), moved)], f32(128, 128))
    return { outputs: { y, t }, updates: { w: op('Neg', [w], f32(64, 128), moved) } }
  })
  expect(printProgram(before)).toMatchInlineSnapshot(`
    "%0: float32[256,64] = Placeholder {name="x"}
    %1: float32[64,128] = ReadVariableOp {name="w"}
    %2: float32[128] = ReadVariableOp {name="b"}
    %3: float32[256,128] = MatMul(%0, %1)
    %4: float32[256,128] = AddV2(%3, %2)
    %5: int32[2] = Const {value=[1, 0]}
    %6: float32[128,256] = Transpose(%4, %5)
    %7: float32[256,128] = Exp(%4)
    %8: float32[128,128] = MatMul(%6, %7)
    %9: float32[64,128] = Neg(%1)
    return y=%8, t=%6
    assign w=%9"
  `)
  expect(printProgram(toBfloat16(before))).toMatchInlineSnapshot(`
    "%0: float32[256,64] = Placeholder {name="x"}
    %1: float32[64,128] = ReadVariableOp {name="w"}
    %2: float32[128] = ReadVariableOp {name="b"}
    %3: bfloat16[256,64] = Cast(%0)
    %4: bfloat16[64,128] = Cast(%1)
    %5: bfloat16[256,128] = MatMul(%3, %4)
    %6: bfloat16[128] = Cast(%2)
    %7: bfloat16[256,128] = AddV2(%5, %6)
    %8: int32[2] = Const {value=[1, 0]}
    %9: bfloat16[128,256] = Transpose(%7, %8)
    %10: float32[256,128] = Cast(%7)
    %11: float32[256,128] = Exp(%10)
    %12: bfloat16[256,128] = Cast(%11)
    %13: bfloat16[128,128] = MatMul(%9, %12)
    %14: float32[64,128] = Neg(%1)
    %15: float32[128,128] = Cast(%13)
    %16: float32[128,256] = Cast(%9)
    return y=%15, t=%16
    assign w=%14"
  `)
})

test('a tensor is rounded before it is moved where only products need it moved', () => {
  const after = toBfloat16(
    program((op, constant) => {
      const x = op('Placeholder', [], f32(256, 64), 'x')
      const t = op('Transpose', [x, constant(ints([1, 0]))], f32(64, 256), moved)
      const scaled = op('Mul', [t, constant(floats([], [0.125]))], f32(64, 256), moved)
      return { outputs: { y: op('MatMul', [scaled, x], f32(64, 64)) } }
    }),
  )
  expect(printProgram(after)).toMatchInlineSnapshot(`
    "%0: float32[256,64] = Placeholder {name="x"}
    %1: int32[2] = Const {value=[1, 0]}
    %2: bfloat16[256,64] = Cast(%0)
    %3: bfloat16[64,256] = Transpose(%2, %1)
    %4: float32[] = Const {value=0.125}
    %5: bfloat16[] = Const {value=15872}
    %6: bfloat16[64,256] = Mul(%3, %5)
    %7: bfloat16[64,64] = MatMul(%6, %2)
    %8: float32[64,64] = Cast(%7)
    return y=%8"
  `)
})

test.each<[string, () => Program]>([
  [
    'a small one',
    () =>
      of((op) =>
        op('MatMul', [op('Placeholder', [], f32(8, 8), 'x'), op('Placeholder', [], f32(8, 8), 'w')], f32(8, 8)),
      ),
  ],
  [
    'one that counts',
    () =>
      of((op) => {
        const k = op('Placeholder', [], { dtype: 'int32', shape: [512, 512] }, 'k')
        const x = op('Cast', [k], f32(512, 512))
        return op('MatMul', [x, op('Placeholder', [], f32(512, 512), 'w')], f32(512, 512))
      }),
  ],
])('%s stays float32', (_, before) => {
  expect(printProgram(toBfloat16(before()))).toBe(printProgram(before()))
})

function of(write: (op: Parameters<Parameters<typeof program>[0]>[0]) => { node: number; output: number }): Program {
  return program((op) => ({ outputs: { y: write(op) } }))
}

test('a product is that of rounded inputs, rounded once; state and gradients come out float32', async () => {
  const session = await openSession()
  const [M, N, K] = [128, 96, 64]
  const x = ramp([M, K], 1)
  await session.create({ w: ramp([N, K], 2), free: ramp([N, K], 2) })
  const fn = ({ x }: Record<string, tf.Tensor>, { w, free }: Record<string, tf.Tensor>) => {
    const product = (a: tf.Tensor) => tf.matMul(a, w!, false, true)
    const grad = tf.grad((w: tf.Tensor) => tf.sum(tf.matMul(x!, w, false, true)))(w!)
    const exact = tf.tidy('float32', () => tf.matMul(x!, free!, false, true))
    return { outputs: { y: product(x!), grad, exact }, state: { w: tf.add(w!, 1 / 1024) } }
  }
  const step = await compile(fn as never, {
    session,
    name: 'rounded',
    inputs: { x: { shape: [M, K] } },
    precision: 'bfloat16',
  })
  const { y, grad, exact } = await step({ x })
  const [a, b] = [values(x), values(ramp([N, K], 2))]
  const [ra, rb] = [a.map(bf16), b.map(bf16)]
  const [rounded, untouched] = [values(y!), values(exact!)]
  let [worst, worstExact] = [0, 0] // roundings of a result, and what the product in float32 is off
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let [sum, whole] = [0, 0]
      for (let k = 0; k < K; k++) {
        sum += ra[i * K + k]! * rb[j * K + k]!
        whole += a[i * K + k]! * b[j * K + k]!
      }
      worst = Math.max(worst, Math.abs(rounded[i * N + j]! - sum) / (Math.abs(sum) * 2 ** -8 + 1e-5))
      worstExact = Math.max(worstExact, Math.abs(untouched[i * N + j]! - whole))
    }
  }
  expect(worst).toBeLessThanOrEqual(1)
  expect(worst).toBeGreaterThan(0.1)
  expect(rounded.map(bf16)).toEqual(rounded)
  expect(worstExact).toBeLessThan(1e-4)
  expect([y!.dtype, grad!.dtype]).toEqual(['float32', 'float32'])
  const { w } = await session.read(['w'])
  expect(values(w!)[5]).toBe(Math.fround(b[5]! + 1 / 1024)) // not a rounded copy plus a step that rounding would lose
  await session.close()
})

test('constants are rounded once, to the nearest value and ties to even', () => {
  const given = [1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -1e-40, 3.4e38, Number.NaN, Number.NEGATIVE_INFINITY, 0.1]
  const after = toBfloat16(
    program((op, constant) => {
      const x = op('Placeholder', [], f32(65536, 4), 'x')
      return { outputs: { y: op('MatMul', [x, constant(floats([4, 2], given))], f32(65536, 2)) } }
    }),
  )
  const [folded] = after.nodes.filter(({ op, outputs }) => op === 'Const' && outputs[0]!.dtype === 'bfloat16')
  const { value } = folded!.attributes.value as { value: HostTensor }
  const widened = new Float32Array(Uint32Array.from(value.data as Uint16Array, (half) => half << 16).buffer)
  expect([...widened]).toEqual(given.map(bf16))
  expect(after.nodes.filter(({ op }) => op === 'Cast')).toHaveLength(2) // of x and y
})

test('the eager engine refuses bfloat16, and a misspelt precision is named', async () => {
  const session = await openSession({ engine: 'eager', eagerBackend: 'cpu' })
  const fn = () => ({ outputs: {} })
  await expect(compile(fn, { session, name: 'f', inputs: {}, precision: 'bfloat16' })).rejects.toThrow('float32 only')
  await expect(compile(fn, { session, name: 'f', inputs: {}, precision: 'bf16' as never })).rejects.toThrow(
    `got "bf16"`,
  )
  await session.close()
})

function ramp(shape: number[], seed: number): HostTensor {
  const length = shape.reduce((product, n) => product * n, 1)
  return floats(
    shape,
    Array.from({ length }, (_, i) => Math.sin((i + 1) * seed)),
  )
}

function values({ data }: HostTensor): number[] {
  return Array.from(data as Float32Array)
}

/** The nearest bfloat16, ties to even. */
function bf16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000
  return new Float32Array(bits.buffer)[0]!
}

test('what is only waited for waits as it is, in the precision that others need', () => {
  const after = toBfloat16(
    program((op) => {
      const x = op('Placeholder', [], f32(256, 64), 'x')
      const dy = op('Placeholder', [], f32(256, 128), 'dy')
      const h = op('MatMul', [x, op('Placeholder', [], f32(64, 64), 'w')], f32(256, 64))
      const again = op('IdentityN', [h, dy], f32(256, 64), moved) // of its two outputs, dy's is not used
      const flipped = { ...moved, transpose_a: { type: 'bool', value: true } } as const
      const exp = op('Exp', [again], f32(256, 64), moved)
      return { outputs: { y: op('MatMul', [exp, dy], f32(64, 128), flipped) } }
    }),
  )
  expect(printProgram(after)).toMatchInlineSnapshot(`
    "%0: float32[256,64] = Placeholder {name="x"}
    %1: float32[256,128] = Placeholder {name="dy"}
    %2: float32[64,64] = Placeholder {name="w"}
    %3: bfloat16[256,64] = Cast(%0)
    %4: bfloat16[64,64] = Cast(%2)
    %5: bfloat16[256,64] = MatMul(%3, %4)
    %6: bfloat16[256,128] = Cast(%1)
    %7: (bfloat16[256,64], bfloat16[256,128]) = IdentityN(%5, %6)
    %8: float32[256,64] = Cast(%7.0)
    %9: float32[256,64] = Exp(%8)
    %10: bfloat16[256,64] = Cast(%9)
    %11: bfloat16[64,128] = MatMul(%10, %6) {transpose_a=true}
    %12: float32[64,128] = Cast(%11)
    return y=%12"
  `)
})
