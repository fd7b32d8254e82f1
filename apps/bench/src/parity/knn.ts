import { knnClassify } from '@dino/eval'
import type { Case } from '@dino/fixtures'
import type { HostTensor } from '@dino/weights'
import { type Check, numbers, type Tensors, tensor, toleranceFor } from './check.js'
import { Settings } from './settings.js'

/** Top-1 and top-5 for every k. Difference and tolerance are percentage points. */
export function knn(c: Case, tensors: Tensors): Check[] {
  const settings = new Settings(c.name, c)
  const accuracy = settings.inner('accuracy')
  const k = Object.keys(accuracy.values).map(Number)
  const result = knnClassify({
    train: features(tensor(tensors, 'in.train')),
    trainLabels: labels(tensor(tensors, 'in.train_labels')),
    test: features(tensor(tensors, 'in.test')),
    testLabels: labels(tensor(tensors, 'in.test_labels')),
    k,
    temperature: settings.number('temperature'),
    classes: settings.has('classes') ? settings.number('classes') : undefined,
  })
  return Object.keys(accuracy.values).flatMap((text) => {
    const { top1, top5 } = result[Number(text)]!
    return accuracy.numbers(text).map((expected, i) => ({
      name: `k ${text}, top-${i === 0 ? 1 : 5}`,
      difference: Math.abs((i === 0 ? top1 : top5) - expected),
      tolerance: toleranceFor(c, 'accuracy', i === 0 ? 'top1' : 'top5'),
    }))
  })
}

function features(tensor: HostTensor) {
  const [rows, dim] = tensor.shape as [number, number]
  return { data: Float32Array.from(numbers(tensor)), rows, dim }
}

function labels(tensor: HostTensor): Int32Array {
  return Int32Array.from(numbers(tensor))
}
