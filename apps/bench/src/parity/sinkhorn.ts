import type { Case } from '@dino/fixtures'
import { sinkhornKnopp } from '@dino/loss'
import type * as tf from '@tensorflow/tfjs-core'
import { type Check, compare, type Tensors, tensor } from './check.js'
import { type Engine, evaluate } from './engine.js'
import { Settings } from './settings.js'

/** The balanced assignments of teacher logits to prototypes. */
export async function sinkhorn(c: Case, tensors: Tensors, engine: Engine): Promise<Check[]> {
  const settings = new Settings(c.name, c)
  const options = { teacherTemp: settings.number('temperature'), iterations: settings.number('iterations') }
  const actual = await evaluate(engine, c.name, { teacher: tensor(tensors, 'in.teacher') }, ({ teacher }) => ({
    assignments: sinkhornKnopp(teacher as tf.Tensor2D, options),
  }))
  return [compare(c, 'out.assignments', actual.assignments!, tensor(tensors, 'out.assignments'), 'assignments')]
}
