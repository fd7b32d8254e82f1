import * as tf from '@tensorflow/tfjs-core'

/** State-dict name -> tensor. */
export type Params = Record<string, tf.Tensor>

/**
 * The teacher after an iteration: a little nearer to the student.
 *
 *     teacher ← m teacher + (1 - m) student = teacher + (1 - m) (student - teacher)
 *
 * Computed in the second form, which leaves equal weights as they are to the bit. After the optimizer's step, over all
 * parameters: frozen ones too, and `weight_v` itself, not its normalised rows. Buffers of batch norm are not averaged.
 * Caron et al. 2021, section 3.1. Reference: the EMA update in main_dino.py.
 *
 * Reads no value, so it can be traced; no gradient passes.
 *
 * @param student the same names and shapes as the teacher's
 * @param momentum what the teacher keeps, from 0 to 1 (`momentumSchedule`)
 * @returns new tensors, none shared with teacher or student: dispose the old teacher's
 * @throws Error for names or shapes that differ
 */
export function update(teacher: Params, student: Params, momentum: number | tf.Scalar): Params {
  checkNames(teacher, student)
  return tf.tidy('ema', () => {
    const step = tf.sub(1, scalar(momentum))
    const moved = Object.entries(teacher).map(([name, t]) => {
      const s = student[name]!
      checkShapes(name, t.shape, s.shape)
      return [name, tf.add(t, tf.mul(tf.sub(s, t), step))]
    })
    return Object.fromEntries(moved) as Params
  })
}

function checkNames(teacher: Params, student: Params): void {
  const lacks = Object.keys(teacher).find((name) => !student[name])
  const extra = Object.keys(student).find((name) => !teacher[name])
  if (lacks === undefined && extra === undefined) return
  const found = lacks === undefined ? `${extra} in the student alone` : `${lacks} in the teacher alone`
  throw new Error(
    `update: expected teacher and student to name the same parameters, got ${found}. ` +
      'Are they the same architecture, and without prefixes or buffers?',
  )
}

function checkShapes(name: string, teacher: readonly number[], student: readonly number[]): void {
  if (teacher.length === student.length && teacher.every((size, i) => size === student[i])) return
  throw new RangeError(
    `update: expected ${name} of the student to have the teacher's shape [${teacher}], got [${student}]. ` +
      'Are they the same architecture?',
  )
}

function scalar(momentum: number | tf.Scalar): tf.Scalar {
  if (typeof momentum === 'number') {
    if (!(momentum >= 0 && momentum <= 1)) {
      throw new RangeError(`update: expected a momentum from 0 to 1, got ${momentum}.`)
    }
    return tf.scalar(momentum)
  }
  if (momentum?.shape?.length !== 0) {
    const got = momentum?.shape ? `shape [${momentum.shape}]` : `${momentum}`
    throw new RangeError(`update: expected momentum to be a number or a scalar, got ${got}.`)
  }
  return momentum
}
