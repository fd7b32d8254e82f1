import { type Case, toNHWC } from '@dino/fixtures'
import * as vit from '@dino/vit'
import type * as tf from '@tensorflow/tfjs-core'
import { type Check, compare, steps, type Tensors, tensor, under } from './check.js'
import { type Engine, evaluate } from './engine.js'
import { Settings } from './settings.js'

/** [CLS], the last block's attention and every block's output, for each input of the case. */
export async function vision(c: Case, tensors: Tensors, engine: Engine): Promise<Check[]> {
  const given = under('param.', tensors)
  const config = vitConfig(new Settings(c.name, c).inner('config'), given)
  const params = vitParams(config, given)
  const checks: Check[] = []
  for (const i of steps('in', tensors)) {
    const images = toNHWC(tensor(tensors, `in${i}.images`))
    const expected = under(`out${i}.`, tensors)
    const actual = await evaluate(engine, `${c.name}_in${i}`, { ...params, images }, ({ images, ...params }) => {
      const x = images as tf.Tensor4D
      const layers = vit.intermediateLayers(config, params, x, config.depth)
      return {
        cls: vit.apply(config, params, x),
        last_attention: vit.lastAttention(config, params, x),
        ...Object.fromEntries(layers.map((layer, block) => [`layer${block}`, layer])),
      }
    })
    for (const [name, value] of Object.entries(expected)) {
      const sort = name.replace(/\d+$/, '')
      checks.push({ ...compare(c, name, tensor(actual, name), value, sort), name: `out${i}.${name}` })
    }
  }
  return checks
}

/** The configuration of a case, under the reference's names; what it leaves out is read off the parameters. */
export function vitConfig(config: Settings, params: Tensors): vit.VitConfig {
  const embedDim = config.number('embed_dim')
  const hidden = params['blocks.0.mlp.fc1.weight']?.shape[0]
  return {
    imgSize: typeof config.values.img_size === 'number' ? config.number('img_size') : config.numbers('img_size')[0]!,
    patchSize: config.number('patch_size'),
    embedDim,
    depth: config.number('depth'),
    numHeads: config.number('num_heads'),
    mlpRatio: config.number('mlp_ratio', hidden === undefined ? 4 : hidden / embedDim),
    channels: config.number('in_chans', params['patch_embed.proj.weight']?.shape[1] ?? 3),
  }
}

/** The parameters that the model has, of those in the file; a case built without qkv bias has it at zero. */
export function vitParams(config: vit.VitConfig, given: Tensors): Tensors {
  const entries = Object.entries(vit.shapes(config)).map(([name, shape]) => {
    const zero = name.endsWith('.qkv.bias') && !given[name]
    return [name, zero ? { dtype: 'float32', shape, data: new Float32Array(shape[0]!) } : tensor(given, name)]
  })
  return Object.fromEntries(entries)
}
