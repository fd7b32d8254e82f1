import { expect, test } from 'vitest'
import { normalizeArguments } from './arguments.js'

const normal = (line: string) => normalizeArguments(line.split(' ')).join(' ')

test.each([
  ['train --out_dim 4096', 'train --out-dim=4096'],
  ['train --batch_size_per_gpu 32 --data_path x', 'train --batch-size=32 --data x'],
  ['train --global-crops-scale 0.4 1.0 --lr 1', 'train --global-crops-scale=0.4,1.0 --lr=1'],
  ['train --global-crops-scale 0.4,1.0', 'train --global-crops-scale=0.4,1.0'],
  ['train --global_crops_scale=0.4,1', 'train --global-crops-scale=0.4,1'],
  ['train --lr -1', 'train --lr=-1'],
  ['train --norm_last_layer false', 'train --norm-last-layer false'],
  ['train --use_fp16 false --lr 1', 'train --lr=1'],
  ['eval knn run --nb_knn 10 20 --data d', 'eval knn run -k=10,20 --data d'],
  [
    'eval linear run --lr 0.1 1 --n_last_blocks 4 --avgpool_patchtokens true',
    'eval linear run --lr=0.1,1 --n-last-blocks=4 --avgpool true',
  ],
  ['train -- --out_dim', 'train -- --out_dim'],
  ['attention 2024.jpg --threshold .6', 'attention 2024.jpg --threshold=.6'],
])('%s -> %s', (line, expected) => {
  expect(normal(line)).toBe(expected)
})

test.each([
  ['train --use_fp16 true', '--use_fp16 true is not supported: training is in float32'],
  ['train --use-fp16', '--use-fp16 true is not supported'],
  ['train --dist_url env://', '--dist_url is not supported: there is one process'],
  ['train --local-rank=0', '--local-rank is not supported: there is one process'],
])('%s is refused, not ignored', (line, message) => {
  expect(() => normal(line)).toThrow(message)
})
