import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { compile, type HostTensor, openSession, type Session } from './index.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 })

let session: Session
beforeAll(async () => {
  session = await openSession()
})
afterAll(() => session.close())

const floats = (shape: number[], f: (i: number) => number): HostTensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
})

test('TensorFlow.js code becomes a program that prints as text', async () => {
  await session.create({ 'print.w': floats([3, 2], (i) => i) })
  const step = await compile(
    ({ image, rate }, state) => {
      const x = tf.div(image!, 255) as tf.Tensor2D
      const loss = (w: tf.Tensor) => tf.tidy('student', () => tf.mean(tf.square(tf.matMul(x, w as tf.Tensor2D))))
      const { value, grad } = {
        value: loss(state['print.w']!),
        grad: tf.grad((w) => loss(w))(state['print.w']!),
      }
      return { outputs: { value }, state: { 'print.w': tf.sub(state['print.w']!, tf.mul(rate!, grad)) } }
    },
    { session, name: 'step', inputs: { image: { shape: [4, 3], dtype: 'uint8' }, rate: { shape: [] } } },
  )
  expect(step.print()).toMatchInlineSnapshot(`
    "%0: uint8[4,3] = Placeholder {name="image"}
    %1: float32[] = Placeholder {name="rate"}
    %2: float32[4,3] = Cast(%0)
    %3: float32[] = Const {value=255}
    %4: float32[4,3] = RealDiv(%2, %3)
    %5: float32[3,2] = ReadVariableOp {name="print.w"}
    %6: float32[4,2] = MatMul(%4, %5)
    %7: float32[4,2] = Square(%6)
    %8: int32[2] = Const {value=[0, 1]}
    %9: float32[] = Mean(%7, %8)
    %10: float32[] = Const {value=1}
    %11: int32[2] = Const {value=[1, 1]}
    %12: float32[1,1] = Reshape(%10, %11)
    %13: float32[4,2] = Const {value=[1, 1, 1, 1, 1, 1, 1, 1]}
    %14: float32[4,2] = Mul(%12, %13)
    %15: float32[] = Const {value=8}
    %16: float32[4,2] = RealDiv(%14, %15)
    %17: float32[] = Const {value=2}
    %18: float32[4,2] = Mul(%6, %17)
    %19: float32[4,2] = Mul(%16, %18)
    %20: float32[3,2] = MatMul(%4, %19) {transpose_a=true}
    %21: float32[3,2] = Mul(%1, %20)
    %22: float32[3,2] = Sub(%5, %21)
    return value=%9
    assign print.w=%22"
  `)
  expect(
    step
      .print({ scopes: true })
      .split('\n')
      .filter((line) => line.includes('MatMul')),
  ).toMatchInlineSnapshot(`
    [
      "%6: float32[4,2] = MatMul(%4, %5)  # student",
      "%20: float32[3,2] = MatMul(%4, %19) {transpose_a=true}  # backward/student",
    ]
  `)
  expect(step.outputs).toEqual({ value: { dtype: 'float32', shape: [] } })
})

test('a call gives what eager TensorFlow.js gives, and a gradient too', async () => {
  const f = ({ x, w }: Record<string, tf.Tensor>) => {
    const { value, grads } = tf.valueAndGrads((a, b) =>
      tf.sum(tf.sigmoid(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D))),
    )([x!, w!])
    return { outputs: { value, dx: grads[0]!, dw: grads[1]! } }
  }
  const eager = await openSession({ engine: 'eager', eagerBackend: 'cpu' })
  const inputs = { x: { shape: [5, 3] }, w: { shape: [3, 4] } }
  const feeds = { x: floats([5, 3], (i) => Math.sin(i)), w: floats([3, 4], (i) => Math.cos(i)) }
  const compiled = await (await compile(f, { session, inputs }))(feeds)
  const expected = await (await compile(f, { session: eager, inputs }))(feeds)
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(compiled[name]!.shape).toEqual(shape)
    expect(compiled[name]!.data).toBeInstanceOf(Float32Array)
    const values = Array.from(data as Float32Array)
    for (const [i, v] of (compiled[name]!.data as Float32Array).entries()) expect(v).toBeCloseTo(values[i]!, 5)
  }
  await eager.close()
})

test('numbers, arrays and tensors can be fed; uint8 is int32 to TensorFlow.js', async () => {
  const f = await compile(
    ({ a, b, c, d }) => {
      expect([a!.dtype, b!.dtype, c!.dtype, d!.dtype]).toEqual(['float32', 'int32', 'int32', 'bool'])
      return {
        outputs: { a: tf.add(a!, 0.5), b: tf.add(b!, 1), c: tf.cast(c!, 'float32'), d: tf.logicalNot(d!), same: c! },
      }
    },
    {
      session,
      inputs: {
        a: { shape: [] },
        b: { shape: [2], dtype: 'int32' },
        c: { shape: [2], dtype: 'uint8' },
        d: { shape: [1, 2], dtype: 'bool' },
      },
    },
  )
  const reused = Uint8Array.of(7, 255)
  const call = f({
    a: 1,
    b: Int32Array.of(1, -2),
    c: reused,
    d: { dtype: 'bool', shape: [1, 2], data: Uint8Array.of(0, 1) },
  })
  reused.fill(0) // the arrays were copied when the call was made
  expect(await call).toEqual({
    a: { dtype: 'float32', shape: [], data: Float32Array.of(1.5) },
    b: { dtype: 'float32', shape: [2], data: Float32Array.of(2, -1) },
    c: { dtype: 'float32', shape: [2], data: Float32Array.of(7, 255) },
    d: { dtype: 'bool', shape: [1, 2], data: Uint8Array.of(1, 0) },
    same: { dtype: 'int32', shape: [2], data: Int32Array.of(7, 255) },
  })
})

test('tensors from outside become constants, and stay usable and as many as they were', async () => {
  await tf.setBackend('cpu')
  const outside = tf.tensor1d([1, 2, 3])
  const before = tf.memory().numTensors
  const f = await compile(({ x }) => ({ outputs: { y: tf.add(tf.mul(x!, outside), tf.clone(outside)) } }), {
    session,
    inputs: { x: { shape: [3] } },
  })
  expect(tf.memory().numTensors).toBe(before)
  expect(tf.getBackend()).toBe('cpu')
  expect(Array.from(tf.square(outside).dataSync())).toEqual([1, 4, 9])
  expect((await f({ x: Float32Array.of(1, 1, 1) })).y!.data).toEqual(Float32Array.of(2, 4, 6))
  outside.dispose()
})

test('unused inputs are still checked, and outputs may be inputs, constants or each other', async () => {
  const f = await compile(({ x }) => ({ outputs: { x: x!, again: x!, one: tf.scalar(1) } }), {
    session,
    inputs: { x: { shape: [1] }, unused: { shape: [2] } },
  })
  const result = await f({ x: Float32Array.of(4), unused: new Float32Array(2) })
  expect(result.x!.data).toEqual(Float32Array.of(4))
  expect(result.again!.data).toEqual(Float32Array.of(4))
  expect(result.one!.data).toEqual(Float32Array.of(1))
  await expect(f({ x: Float32Array.of(4) })).rejects.toThrow('expected input unused to be float32[2], got nothing')
})

test('gather takes indices that a call brings', async () => {
  const f = await compile(
    ({ table, rows }) => {
      const grad = tf.grad((t) => tf.sum(tf.square(tf.gather(t, rows as tf.Tensor1D))))(table!)
      return { outputs: { rows: tf.gather(table!, rows as tf.Tensor1D), grad } }
    },
    { session, inputs: { table: { shape: [3, 2] }, rows: { shape: [2], dtype: 'int32' } } },
  )
  const { rows, grad } = await f({ table: floats([3, 2], (i) => i), rows: Int32Array.of(2, 2) })
  expect(rows!.data).toEqual(Float32Array.of(4, 5, 4, 5))
  expect(grad!.data).toEqual(Float32Array.of(0, 0, 0, 0, 16, 20))
})

test('passes change the program, not the results', async () => {
  const fn = ({ x }: Record<string, tf.Tensor>) => {
    const { value, grads } = tf.valueAndGrads((v) => tf.sum(tf.matMul(v as tf.Tensor2D, tf.ones([8, 8]))))([x!])
    return { outputs: { value, grad: grads[0]! } }
  }
  const inputs = { x: { shape: [4, 8] } }
  const feeds = { x: floats([4, 8], Math.sin) }
  const [on, off, part] = await Promise.all([
    compile(fn, { session, inputs }),
    compile(fn, { session, inputs, passes: false }),
    compile(fn, { session, inputs, passes: { fill: false } }),
  ])
  expect(on.print()).toMatch('MatMul(')
  expect(on.print()).toMatch('Fill(')
  expect(off.print()).toMatch('BatchMatMulV2(')
  expect(part.print()).not.toMatch('Fill(')
  expect(await on(feeds)).toEqual(await off(feeds))
  expect(await part(feeds)).toEqual(await off(feeds))
})

test('print gives the program to the caller', async () => {
  const texts: string[] = []
  await compile(({ x }) => ({ outputs: { y: tf.neg(x!) } }), {
    session,
    inputs: { x: { shape: [] } },
    print: (text) => texts.push(text),
  })
  expect(texts).toEqual(['%0: float32[] = Placeholder {name="x"}\n%1: float32[] = Neg(%0)\nreturn y=%1'])
})

describe('compile refuses', () => {
  const x = { x: { shape: [2] } }
  const refused = async (
    fn: Parameters<typeof compile>[0],
    inputs: Record<string, { shape: readonly number[] }> = x,
  ) => {
    const active = tf.getBackend()
    const { numTensors } = tf.memory()
    const error: Error = await compile(fn, { session, name: 'step', inputs }).then(
      () => expect.unreachable('it compiled'),
      (e) => e,
    )
    expect(tf.getBackend()).toBe(active) // also after an error
    expect(tf.memory().numTensors).toBe(numTensors)
    expect(tf.findBackendFactory('dino-trace')).toBeFalsy()
    return error.message
  }

  test('to read a traced value, whichever way', async () => {
    const message =
      'step: cannot read float32[2]: a traced tensor has no value. Return it as an output, and read what the compiled function gives.'
    expect(await refused(({ x }) => ({ outputs: { y: tf.scalar(x!.dataSync()[0]!) } }))).toBe(message)
    expect(await refused(({ x }) => ({ outputs: { y: tf.tensor(x!.arraySync()) } }))).toBe(message)
    expect(
      await refused(({ x }) => {
        x!.data().catch(() => {})
        return { outputs: { x: x! } }
      }),
    ).toBe(message)
    expect(
      await refused(({ x }) => tf.tidy('student', () => ({ outputs: { y: tf.scalar(tf.neg(x!).dataSync()[0]!) } }))),
    ).toMatch('cannot read float32[2] in student: a traced')
  })
  test('a function that returns a promise', async () => {
    expect(await refused((async () => ({ outputs: {} })) as never)).toMatch(
      'step: expected a plain function, got one that returns a promise',
    )
  })
  test('results that are not tensors', async () => {
    expect(await refused((() => undefined) as never)).toMatch(
      'step: expected fn to return { outputs, state?, finite? }, got undefined',
    )
    expect(await refused((() => ({ outputs: { loss: 3 } })) as never)).toMatch(
      'expected output loss to be a tensor, got number',
    )
    expect(await refused(({ x }) => ({ outputs: { y: disposed(x!) } }))).toMatch('output y is disposed')
  })
  test('an op that TensorFlow has no kernel for', async () => {
    expect(
      await refused(({ x }) => ({ outputs: { y: tf.tidy('blocks.3', () => tf.searchSorted(x as tf.Tensor1D, [1])) } })),
    ).toMatch('step: TensorFlow has no kernel for SearchSorted in blocks.3, tf.searchSorted')
  })
  test('what TensorFlow refuses, with the op, the types and the scope', async () => {
    expect(
      await refused(({ x }) =>
        tf.tidy('head', () => ({
          outputs: {
            y: tf
              .engine()
              .runKernel('BatchMatMul', { a: x!, b: x! }, { transposeA: false, transposeB: false }) as tf.Tensor,
          },
        })),
      ),
    ).toMatch(
      /^step: BatchMatMulV2\(float32\[2\], float32\[2\]\) in head cannot be compiled: .*must be at least rank 2/,
    )
  })
  test('a shape that depends on values', async () => {
    expect(
      await refused(({ x }) => ({
        outputs: { y: tf.engine().runKernel('Where', { condition: tf.cast(x!, 'bool') }) as tf.Tensor },
      })),
    ).toMatch(/Where|depends on values/)
  })
  test('random draws, which would be the same in every call', async () => {
    expect(await refused(({ x }) => ({ outputs: { y: tf.add(x!, tf.randomUniform([2])) } }))).toMatch(
      'step: random numbers drawn while compile() traces would be the same in every call in tf.randomUniform. Make them inputs',
    )
    expect(Math.random()).toBeLessThan(1)
  })
  test('to assign a tf.Variable something else', async () => {
    const variable = tf.variable(tf.zeros([3]), true, 'counter')
    expect(
      await refused(({ x }) => {
        variable.assign(x!)
        return { outputs: { x: x! } }
      }),
    ).toMatch('step: tf.Variable counter has shape [3], and is assigned [2].')
    variable.dispose()
  })
  test('strings', async () => {
    expect(await refused(() => ({ outputs: { y: tf.tensor(['a']) } }))).toMatch(
      'step: a string tensor cannot be part of a compiled function',
    )
  })
  test('complex outputs', async () => {
    expect(await refused(({ x }) => ({ outputs: { y: tf.complex(x!, x!) } }))).toMatch('step: output y is complex64')
  })
  test('to be called inside itself', async () => {
    let inner: Promise<unknown> | undefined
    await refused(({ x }) => {
      inner = compile(() => ({ outputs: {} }), { session, name: 'inner', inputs: {} })
      inner.catch(() => {})
      throw new Error(`stop ${x}`)
    })
    await expect(inner).rejects.toThrow('inner: compile() cannot be called inside a function that is being compiled')
  })
  test('unknown variables and wrong updates', async () => {
    await session.create({ 'refused.v': floats([2], () => 0) })
    expect(await refused(({ x }) => ({ outputs: {}, state: { 'refused.w': x! } }))).toMatch(
      'step: cannot assign state refused.w: the session has no such variable',
    )
    expect(await refused(() => ({ outputs: {}, state: { 'refused.v': tf.zeros([3]) } }))).toBe(
      'step: state refused.v is float32[2], and fn assigns float32[3] to it.',
    )
    expect(await refused(() => ({ outputs: {}, state: { 'refused.v': tf.zeros([2], 'int32') } }))).toMatch(
      'assigns int32[2] to it',
    )
    expect(
      await refused((_, state) => {
        state['refused.v'] = tf.zeros([2])
        return { outputs: {} }
      }),
    ).toMatch('state.refused.v cannot be set')
  })
  test('options that make no sense', async () => {
    const fn = () => ({ outputs: {} })
    await expect(compile(fn, { session, inputs: { x: { shape: [-1] } } })).rejects.toThrow(
      'fn: expected input x to declare a shape of whole numbers, got [-1]',
    )
    await expect(compile(fn, { session, inputs: { x: { shape: [1], dtype: 'float' as 'float32' } } })).rejects.toThrow(
      'unknown dtype float',
    )
    await expect(compile(fn, { session, inputs: {}, passes: { fil: false } as object })).rejects.toThrow(
      'there is no pass fil. The passes are',
    )
    await expect(compile(fn, { session: {} as Session, inputs: {} })).rejects.toThrow(
      'expected a session of openSession()',
    )
  })
})

describe('a call refuses', () => {
  test.each([
    ['nothing', { m: undefined }, 'f: expected input m to be float32[2,3], got nothing.'],
    ['an unknown input', { m: new Float32Array(6), n: 1 }, 'f: unknown input n. It takes m.'],
    ['another length', { m: new Float32Array(5) }, 'f: expected input m to be float32[2,3], got 5 elements.'],
    [
      'another array',
      { m: new Float64Array(6) },
      'f: expected input m to be float32[2,3], got a Float64Array instead of a Float32Array.',
    ],
    ['a number for a matrix', { m: 1 }, 'f: expected input m to be float32[2,3], got a number.'],
    ['another shape', { m: floats([3, 2], () => 0) }, 'f: expected input m to be float32[2,3], got float32[3,2].'],
    [
      'another dtype',
      { m: { dtype: 'int32', shape: [2, 3], data: new Int32Array(6) } },
      'f: expected input m to be float32[2,3], got int32[2,3].',
    ],
    ['a plain array', { m: [1, 2] }, 'f: expected input m to be float32[2,3], got a plain array; use a typed one.'],
    [
      'data that is too short',
      { m: { dtype: 'float32', shape: [2, 3], data: new Float32Array(2) } },
      'f: input m: expected 6 elements for float32[2,3], got 2.',
    ],
  ])('%s', async (_, feeds, message) => {
    const f = await compile(({ m }) => ({ outputs: { m: m! } }), {
      session,
      name: 'f',
      inputs: { m: { shape: [2, 3] } },
    })
    await expect(f(feeds as never)).rejects.toThrow(message)
  })

  test('what fails while it runs, naming the function and the op; later calls work', async () => {
    const f = await compile(({ i }) => ({ outputs: { y: tf.gather(tf.tensor1d([1, 2]), i as tf.Tensor1D) } }), {
      session,
      name: 'lookup',
      inputs: { i: { shape: [1], dtype: 'int32' } },
    })
    await expect(f({ i: Int32Array.of(5) })).rejects.toThrow(
      /^lookup: .*indices\[0\] = 5 is not in \[0, 2\)[\s\S]*GatherV2/,
    )
    expect((await f({ i: Int32Array.of(1) })).y!.data).toEqual(Float32Array.of(2))
  })

  test('after dispose', async () => {
    const f = await compile(({ x }) => ({ outputs: { x: x! } }), { session, name: 'f', inputs: { x: { shape: [] } } })
    f.dispose()
    await expect(f({ x: 1 })).rejects.toThrow('f: disposed')
  })
})

/** A tensor that was disposed, as a forgetful function returns it. */
function disposed(x: tf.Tensor): tf.Tensor {
  const y = tf.neg(x)
  y.dispose()
  return y
}
