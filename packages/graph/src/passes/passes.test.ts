import { expect, test } from 'vitest'
import type { HostTensor } from '../host-tensor.js'
import { type Attribute, type Node, type Program, ProgramBuilder, type Ref, type TensorType } from '../ir.js'
import { printProgram } from '../print.js'
import { fuseCasts } from './casts.js'
import { dropDeadCode } from './dead-code.js'
import { mergeDuplicates } from './duplicates.js'
import { fillConstants } from './fill.js'
import { runPasses } from './index.js'
import { useMatMul } from './matmul.js'

/** Writes a program down: op(name, inputs, type, attributes) gives the node's first output. */
function program(
  write: (
    op: (
      op: string,
      inputs: Ref[],
      type: TensorType,
      attributes?: Record<string, Attribute>,
      extra?: Partial<Node>,
    ) => Ref,
    constant: (value: HostTensor) => Ref,
  ) => { outputs: Record<string, Ref>; updates?: Record<string, Ref> },
): Program {
  const builder = new ProgramBuilder()
  const { outputs, updates = {} } = write(
    (op, inputs, type, attributes = {}, extra = {}) =>
      builder.add({ op, inputs, outputs: [type], attributes, scope: '', ...extra })[0]!,
    (value) => builder.constant(value),
  )
  return { name: 'test', nodes: builder.nodes, outputs, updates }
}

const type = (dtype: TensorType['dtype'], ...shape: number[]): TensorType => ({ dtype, shape })
const f32 = (...shape: number[]) => type('float32', ...shape)
const named = (name: string): Record<string, Attribute> => ({ name: { type: 'string', value: name } })
const bool = (value: boolean): Attribute => ({ type: 'bool', value })
const dtype = (value: TensorType['dtype']): Attribute => ({ type: 'dtype', value })
const floats = (shape: number[], values: number[]): HostTensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
})

test('dead code is dropped', () => {
  const before = program((op) => {
    const x = op('Placeholder', [], f32(2), named('x'))
    const w = op('ReadVariableOp', [], f32(2), named('w'))
    op('Neg', [op('Exp', [x], f32(2))], f32(2))
    return { outputs: { y: op('Neg', [x], f32(2)) }, updates: { w } }
  })
  expect(printProgram(before)).toMatchInlineSnapshot(`
    "%0: float32[2] = Placeholder {name="x"}
    %1: float32[2] = ReadVariableOp {name="w"}
    %2: float32[2] = Exp(%0)
    %3: float32[2] = Neg(%2)
    %4: float32[2] = Neg(%0)
    return y=%4
    assign w=%1"
  `)
  expect(printProgram(dropDeadCode(before))).toMatchInlineSnapshot(`
    "%0: float32[2] = Placeholder {name="x"}
    %1: float32[2] = ReadVariableOp {name="w"}
    %2: float32[2] = Neg(%0)
    return y=%2
    assign w=%1"
  `)
})

test('equal nodes and constants are computed once; random ones and different ones are kept', () => {
  const before = program((op, constant) => {
    const x = op('Placeholder', [], f32(2), named('x'))
    const twice = [constant(floats([], [2])), constant(floats([], [2]))].map((two) => op('Mul', [x, two], f32(2)))
    const three = op('Mul', [x, constant(floats([], [3]))], f32(2))
    const minus = constant(floats([], [-0]))
    const plus = constant(floats([], [0]))
    const random = [1, 2].map(() => op('Multinomial', [x], f32(2), {}, { stateful: true }))
    return { outputs: { sum: op('AddN', [...twice, three, minus, plus, ...random], f32(2)) } }
  })
  expect(printProgram(before)).toMatchInlineSnapshot(`
    "%0: float32[2] = Placeholder {name="x"}
    %1: float32[] = Const {value=2}
    %2: float32[] = Const {value=2}
    %3: float32[2] = Mul(%0, %1)
    %4: float32[2] = Mul(%0, %2)
    %5: float32[] = Const {value=3}
    %6: float32[2] = Mul(%0, %5)
    %7: float32[] = Const {value=-0}
    %8: float32[] = Const {value=0}
    %9: float32[2] = Multinomial(%0)
    %10: float32[2] = Multinomial(%0)
    %11: float32[2] = AddN(%3, %4, %6, %7, %8, %9, %10)
    return sum=%11"
  `)
  expect(printProgram(mergeDuplicates(before))).toMatchInlineSnapshot(`
    "%0: float32[2] = Placeholder {name="x"}
    %1: float32[] = Const {value=2}
    %2: float32[2] = Mul(%0, %1)
    %3: float32[] = Const {value=3}
    %4: float32[2] = Mul(%0, %3)
    %5: float32[] = Const {value=-0}
    %6: float32[] = Const {value=0}
    %7: float32[2] = Multinomial(%0)
    %8: float32[2] = Multinomial(%0)
    %9: float32[2] = AddN(%2, %2, %4, %5, %6, %7, %8)
    return sum=%9"
  `)
  expect(printProgram(dropDeadCode(mergeDuplicates(before)))).toBe(printProgram(mergeDuplicates(before)))
})

test('products of matrices become MatMul, those of stacks stay', () => {
  const before = program((op) => {
    const a = op('Placeholder', [], f32(2, 3), named('a'))
    const b = op('Placeholder', [], f32(4, 3), named('b'))
    const c = op('Placeholder', [], f32(5, 2, 3), named('c'))
    const attributes = { adj_x: bool(false), adj_y: bool(true), T: dtype('float32') }
    const ab = op('BatchMatMulV2', [a, b], f32(2, 4), attributes)
    return { outputs: { ab, cb: op('BatchMatMulV2', [c, b], f32(5, 2, 4), attributes) } }
  })
  expect(printProgram(before)).toMatchInlineSnapshot(`
    "%0: float32[2,3] = Placeholder {name="a"}
    %1: float32[4,3] = Placeholder {name="b"}
    %2: float32[5,2,3] = Placeholder {name="c"}
    %3: float32[2,4] = BatchMatMulV2(%0, %1) {adj_y=true}
    %4: float32[5,2,4] = BatchMatMulV2(%2, %1) {adj_y=true}
    return ab=%3, cb=%4"
  `)
  expect(printProgram(useMatMul(before))).toMatchInlineSnapshot(`
    "%0: float32[2,3] = Placeholder {name="a"}
    %1: float32[4,3] = Placeholder {name="b"}
    %2: float32[5,2,3] = Placeholder {name="c"}
    %3: float32[2,4] = MatMul(%0, %1) {transpose_b=true}
    %4: float32[5,2,4] = BatchMatMulV2(%2, %1) {adj_y=true}
    return ab=%3, cb=%4"
  `)
})

test("the gradient of a weight stays where MatMul's reads would collide", () => {
  const before = program((op) => {
    const dy = op('Placeholder', [], f32(100, 1536), named('dy'))
    const x = op('Placeholder', [], f32(100, 384), named('x'))
    const z = op('Placeholder', [], f32(100, 1152), named('z'))
    const attributes = { adj_x: bool(true), adj_y: bool(false), T: dtype('float32') }
    return {
      outputs: {
        dw: op('BatchMatMulV2', [dy, x], f32(1536, 384), attributes),
        dz: op('BatchMatMulV2', [z, x], f32(1152, 384), attributes),
      },
    }
  })
  expect(printProgram(useMatMul(before))).toMatchInlineSnapshot(`
    "%0: float32[100,1536] = Placeholder {name="dy"}
    %1: float32[100,384] = Placeholder {name="x"}
    %2: float32[100,1152] = Placeholder {name="z"}
    %3: float32[1536,384] = BatchMatMulV2(%0, %1) {adj_x=true}
    %4: float32[1152,384] = MatMul(%2, %1) {transpose_a=true}
    return dw=%3, dz=%4"
  `)
})

test('a cast of a cast goes straight where nothing is lost on the way', () => {
  const before = program((op) => {
    const cast = (x: Ref, from: TensorType['dtype'], to: TensorType['dtype']) =>
      op('Cast', [x], type(to, 2), { SrcT: dtype(from), DstT: dtype(to) })
    const image = op('Placeholder', [], type('uint8', 2), named('image'))
    const x = op('Placeholder', [], f32(2), named('x'))
    return {
      outputs: {
        image: cast(cast(image, 'uint8', 'int32'), 'int32', 'float32'),
        same: cast(x, 'float32', 'float32'),
        back: cast(cast(image, 'uint8', 'int32'), 'int32', 'uint8'),
        truncated: cast(cast(x, 'float32', 'int32'), 'int32', 'float32'),
      },
    }
  })
  expect(printProgram(before)).toMatchInlineSnapshot(`
    "%0: uint8[2] = Placeholder {name="image"}
    %1: float32[2] = Placeholder {name="x"}
    %2: int32[2] = Cast(%0)
    %3: float32[2] = Cast(%2)
    %4: float32[2] = Cast(%1)
    %5: int32[2] = Cast(%0)
    %6: uint8[2] = Cast(%5)
    %7: int32[2] = Cast(%1)
    %8: float32[2] = Cast(%7)
    return image=%3, same=%4, back=%6, truncated=%8"
  `)
  expect(printProgram(dropDeadCode(fuseCasts(before)))).toMatchInlineSnapshot(`
    "%0: uint8[2] = Placeholder {name="image"}
    %1: float32[2] = Placeholder {name="x"}
    %2: float32[2] = Cast(%0)
    %3: int32[2] = Cast(%1)
    %4: float32[2] = Cast(%3)
    return image=%2, same=%1, back=%0, truncated=%4"
  `)
})

test('large constants of one value are filled in; small and mixed ones are stored', () => {
  const before = program((_, constant) => ({
    outputs: {
      ones: constant(floats([4, 8], Array(32).fill(1))),
      few: constant(floats([2], [1, 1])),
      mixed: constant(floats([32], [...Array(31).fill(0), -0])),
    },
  }))
  expect(printProgram(before)).toMatchInlineSnapshot(`
    "%0: float32[4,8] = Const {value=[1, 1, 1, 1, 1, 1, 1, 1, … 32 in all]}
    %1: float32[2] = Const {value=[1, 1]}
    %2: float32[32] = Const {value=[0, 0, 0, 0, 0, 0, 0, 0, … 32 in all]}
    return ones=%0, few=%1, mixed=%2"
  `)
  expect(printProgram(fillConstants(before))).toMatchInlineSnapshot(`
    "%0: int32[2] = Const {value=[4, 8]}
    %1: float32[] = Const {value=1}
    %2: float32[4,8] = Fill(%0, %1)
    %3: float32[2] = Const {value=[1, 1]}
    %4: float32[32] = Const {value=[0, 0, 0, 0, 0, 0, 0, 0, … 32 in all]}
    return ones=%2, few=%3, mixed=%4"
  `)
})

test('all passes run unless they are switched off', () => {
  const before = program((op, constant) => {
    const ones = constant(floats([16], Array(16).fill(1)))
    op('Neg', [ones], f32(16))
    return { outputs: { ones } }
  })
  expect(printProgram(runPasses(before))).toMatch('Fill')
  expect(runPasses(before, false)).toBe(before)
  expect(printProgram(runPasses(before, { fill: false }))).not.toMatch(/Fill|Neg/)
  expect(printProgram(runPasses(before, { deadCode: false }))).toMatch('Neg')
  expect(() => runPasses(before, { dead: false } as object)).toThrow('there is no pass dead')
})
