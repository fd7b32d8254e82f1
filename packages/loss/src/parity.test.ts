import '@tensorflow/tfjs-backend-cpu'
import { cases, golden, largestDifference, load } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { diagnostics, selfDistillation, sinkhornKnopp, updateCenter } from './index.js'

interface LossCase {
  config: {
    out_dim: number
    warmup_teacher_temp: number
    teacher_temp: number
    warmup_teacher_temp_epochs: number
    student_temp: number
    center_momentum: number
  }
  epochs: number[]
}

test.each(cases<LossCase>('loss'))('$name equals PyTorch: loss, gradient and center, step by step', (fixture) => {
  const { out_dim, warmup_teacher_temp, teacher_temp, warmup_teacher_temp_epochs } = fixture.config
  const { student_temp: studentTemp, center_momentum: momentum } = fixture.config
  const tensors = load(fixture)
  const tensor = (name: string) =>
    tf.tensor2d(tensors[name].data as Float32Array, tensors[name].shape as [number, number])
  const expectEqual = (actual: tf.Tensor, name: string) => {
    const difference = largestDifference(actual.dataSync(), tensors[name].data as Float32Array)
    expect(difference, name).toBeLessThanOrEqual(fixture.tolerance as number)
  }

  let center: tf.Tensor2D = tf.zeros([1, out_dim])
  fixture.epochs.forEach((epoch, i) => {
    const warming = epoch < warmup_teacher_temp_epochs
    const risen = epoch / Math.max(warmup_teacher_temp_epochs - 1, 1)
    const teacherTemp = warming ? warmup_teacher_temp + (teacher_temp - warmup_teacher_temp) * risen : teacher_temp
    const teacher = tensor(`in${i}.teacher`)
    const loss = (student: tf.Tensor2D) => selfDistillation(student, teacher, center, { studentTemp, teacherTemp })
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => loss(x as tf.Tensor2D))(tensor(`in${i}.student`))
    expectEqual(value, `out${i}.loss`)
    expectEqual(grad, `grad${i}.student`)
    center = updateCenter(center, teacher, { momentum })
    expectEqual(center, `out${i}.center`)
  })
})

interface SinkhornCase {
  temperature: number
  iterations: number
}

test.each(cases<SinkhornCase>('sinkhorn'))('$name equals PyTorch', (fixture) => {
  const { 'in.teacher': teacher, 'out.assignments': assignments } = load(fixture)
  const { temperature: teacherTemp, iterations } = fixture
  const logits = tf.tensor2d(teacher.data as Float32Array, teacher.shape as [number, number])
  const actual = sinkhornKnopp(logits, { teacherTemp, iterations })
  const difference = largestDifference(actual.dataSync(), assignments.data as Float32Array)
  expect(difference).toBeLessThanOrEqual(fixture.tolerance as number)
})

test('two steps worked out by hand agree: loss, center, teacher entropy and gradient', () => {
  const { B, K, views: V, n_terms, ...steps } = golden().loss
  const logits = (rows: number, frequency: number) =>
    tf.tensor2d(
      Array.from({ length: rows * K }, (_, i) => Math.sin(frequency * (1 + i))),
      [rows, K],
    )
  const student = logits(V * B, 0.3)
  const teacher = logits(2 * B, 0.7)
  let center: tf.Tensor2D = tf.zeros([1, K])
  for (const [step, teacherTemp] of [
    ['step1(center=0,tt=.04)', 0.04],
    ['step2(center from step1,tt=.07)', 0.07],
  ] as const) {
    const expected = steps[step]
    expect(n_terms).toBe(2 * V - 2)
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) =>
      selfDistillation(x as tf.Tensor2D, teacher, center, { teacherTemp }),
    )(student)
    const measures = diagnostics(student, teacher, center, { teacherTemp })
    center = updateCenter(center, teacher)
    expect(largestDifference(value.dataSync(), [expected.loss])).toBeLessThan(1e-6)
    expect(largestDifference(center.dataSync(), expected.center_after)).toBeLessThan(1e-7)
    expect(largestDifference(measures.teacherEntropy.dataSync(), [expected.teacher_entropy])).toBeLessThan(1e-6)
    const kl = expected.loss - expected.teacher_entropy
    expect(largestDifference(measures.kl.dataSync(), [kl])).toBeLessThan(1e-6)
    if (step.startsWith('step1')) {
      const gradients = grad.arraySync() as number[][]
      expect(largestDifference(gradients[0], expected['dloss/dstudent[0][0]'])).toBeLessThan(1e-6)
      expect(largestDifference(gradients[(V - 1) * B + B - 1], expected['dloss/dstudent[3][1]'])).toBeLessThan(1e-6)
    }
  }
})

test("Sinkhorn-Knopp's worked example agrees", () => {
  const { x, tau, iters, q } = golden().sinkhorn
  const actual = sinkhornKnopp(tf.tensor2d(x), { teacherTemp: tau, iterations: iters })
  expect(largestDifference(actual.dataSync(), q.flat())).toBeLessThan(1e-6)
})
