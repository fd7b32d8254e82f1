import { interleave } from '@dino/eval'
import type { Case } from '@dino/fixtures'
import { epochFactors, openProbe } from '@dino/trainer'
import { type Check, compare, float32, numbers, type Tensors, tensor } from './check.js'
import type { Engine } from './engine.js'
import { Settings } from './settings.js'

/**
 * The linear probe of eval_linear.py: each learning rate's schedule, losses, weights and accuracy, all rates trained together here and one
 * by one there; and the order of average-pooled features.
 */
export async function linear(c: Case, tensors: Tensors, engine: Engine): Promise<Check[]> {
  const settings = new Settings(c.name, c)
  const [batch, epochs, classes] = ['batch', 'epochs', 'classes'].map((name) => settings.number(name)) as Triple
  const lrs = settings.numbers('lr')
  const features = Float32Array.from(numbers(tensor(tensors, 'in.features')))
  const labels = Int32Array.from(numbers(tensor(tensors, 'in.labels')))
  const dim = features.length / labels.length
  const factors = epochFactors(epochs)
  const session = await engine.open()
  try {
    const probe = await openProbe({
      ...{ session, inDim: dim, classes, batch, lrs, momentum: settings.number('momentum') },
      weights: {
        'linear.weight': tensor(tensors, 'init.linear.weight'),
        'linear.bias': tensor(tensors, 'init.linear.bias'),
      },
    })
    const losses: number[][] = lrs.map(() => [])
    for (const factor of factors) {
      for (let first = 0; first < labels.length; first += batch) {
        const rows = labels.subarray(first, first + batch)
        const step = await probe.step(features.subarray(first * dim, (first + rows.length) * dim), rows, factor)
        for (const [i, loss] of step.entries()) losses[i]!.push(loss)
      }
    }
    const scores = await probe.score(features, labels)
    const checks: Check[] = []
    for (const [i, lr] of lrs.entries()) {
      const weights = await probe.weights(i)
      const { top1, top5 } = scores[i]!
      const actual = {
        lr: float32(
          [epochs],
          Float32Array.from(factors, (factor) => lr * factor),
        ),
        loss: float32([losses[i]!.length], Float32Array.from(losses[i]!)),
        ...weights,
        accuracy: float32([2], Float32Array.of(top1, top5)),
      }
      for (const [name, value] of Object.entries(actual)) {
        checks.push(compare(c, `${name} of lr ${lr}`, value, tensor(tensors, `out${i}.${name}`), name))
      }
    }
    return [...checks, interleaved(c, tensors)]
  } finally {
    await session.close()
  }
}

type Triple = [number, number, number]

/** [CLS] and the mean patch of each image, in the reference's order. */
function interleaved(c: Case, tensors: Tensors): Check {
  const tokens = tensor(tensors, 'in.tokens') // [rows, 1 + patches, D]
  const [rows, N, D] = tokens.shape as Triple
  const values = numbers(tokens)
  const data = new Float32Array(rows * 2 * D)
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < D; d++) {
      const at = (token: number) => values[(row * N + token) * D + d]!
      data[row * 2 * D + d] = at(0)
      for (let token = 1; token < N; token++) data[row * 2 * D + D + d] += at(token) / (N - 1)
    }
  }
  const actual = float32([rows, 2 * D], interleave({ data, rows, dim: 2 * D }).data)
  return compare(c, 'interleaved', actual, tensor(tensors, 'out.interleaved'), 'interleaved')
}
