import type { Case } from '@dino/fixtures'
import { selfDistillation, updateCenter } from '@dino/loss'
import { teacherTempSchedule } from '@dino/optim'
import * as tf from '@tensorflow/tfjs-core'
import { type Check, compare, float32, scalar, steps, type Tensors, tensor } from './check.js'
import { type Engine, evaluate } from './engine.js'
import { Settings } from './settings.js'

/** Several steps: the loss with the center so far, its gradient, and the center after the step. */
export async function loss(c: Case, tensors: Tensors, engine: Engine): Promise<Check[]> {
  const settings = new Settings(c.name, c)
  const config = settings.inner('config')
  const epochs = settings.numbers('epochs')
  const temperatures = teacherTempSchedule({
    warmupTemp: config.number('warmup_teacher_temp'),
    temp: config.number('teacher_temp'),
    warmupEpochs: config.number('warmup_teacher_temp_epochs'),
    epochs: config.number('nepochs'),
  })
  const studentTemp = config.number('student_temp')
  const momentum = config.number('center_momentum')
  const K = config.number('out_dim')
  const checks: Check[] = []
  let center = float32([1, K], new Float32Array(K))
  for (const i of steps('in', tensors)) {
    const inputs = {
      student: tensor(tensors, `in${i}.student`),
      teacher: tensor(tensors, `in${i}.teacher`),
      center,
      teacherTemp: scalar(temperatures[epochs[i]!]!),
    }
    const actual = await evaluate(engine, `${c.name}_step${i}`, inputs, ({ student, ...rest }) => {
      const { teacher, center, teacherTemp } = rest as {
        teacher: tf.Tensor2D
        center: tf.Tensor2D
        teacherTemp: tf.Scalar
      }
      const { value, grad } = tf.valueAndGrad((logits: tf.Tensor2D) =>
        selfDistillation(logits, teacher, center, { studentTemp, teacherTemp }),
      )(student as tf.Tensor2D)
      return { loss: value, grad, center: updateCenter(center, teacher, { momentum }) }
    })
    center = actual.center!
    checks.push(
      compare(c, `out${i}.loss`, actual.loss!, tensor(tensors, `out${i}.loss`), 'loss'),
      compare(c, `grad${i}.student`, actual.grad!, tensor(tensors, `grad${i}.student`), 'grad'),
      compare(c, `out${i}.center`, actual.center!, tensor(tensors, `out${i}.center`), 'center'),
    )
  }
  return checks
}
