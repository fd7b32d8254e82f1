import { join } from 'node:path'
import { evaluation } from '@dino/augment/defaults'
import type { ResnetConfig } from '@dino/resnet'
import type { VitConfig } from '@dino/vit'
import { writeFileAtomic } from '@dino/weights/node'
import type { AnyBackbone } from '../inspect/backbone.js'
import { featureWidth, isVit } from '../train/backbone.js'
import { json, writeNewFolder } from './new-folder.js'
import { writeTensors } from './safetensors.js'

/**
 * Writes a folder that timm loads: `timm.create_model('local-dir:FOLDER', pretrained=True)`. The names are the official ones, which are
 * timm's; config.json tells it sizes, heads and the transform.
 *
 * Reference: `load_model_config_from_path` in timm/models/_hub.py.
 */
export async function writeTimm(backbone: AnyBackbone, folder: string): Promise<void> {
  await writeNewFolder(folder, async (made) => {
    await writeTensors(backbone, join(made, 'model.safetensors'))
    await writeFileAtomic(join(made, 'config.json'), json(modelConfig(backbone)))
  })
}

function modelConfig({ config, imageSize, normalization }: AnyBackbone) {
  const vit = isVit(config)
  return {
    ...(vit ? vitModel(config) : resnetModel(config)),
    num_classes: 0,
    num_features: featureWidth(config),
    global_pool: vit ? 'token' : 'avg',
    pretrained_cfg: {
      num_classes: 0,
      input_size: [config.channels ?? 3, imageSize, imageSize],
      fixed_input_size: vit,
      pool_size: null,
      crop_pct: evaluation.crop / evaluation.resize,
      interpolation: 'bicubic',
      mean: normalization.mean,
      std: normalization.std,
      first_conv: vit ? 'patch_embed.proj' : 'conv1',
      classifier: vit ? 'head' : 'fc',
    },
  }
}

function vitModel({ imgSize, patchSize, embedDim, depth, numHeads, mlpRatio = 4, channels = 3 }: VitConfig) {
  return {
    architecture: 'vit_small_patch16_224', // any of timm's that has no more than sizes of its own
    model_args: {
      img_size: imgSize,
      patch_size: patchSize,
      embed_dim: embedDim,
      depth,
      num_heads: numHeads,
      mlp_ratio: mlpRatio,
      in_chans: channels,
    },
  }
}

function resnetModel({ block, layers, planes = [64, 128, 256, 512], channels = 3 }: ResnetConfig) {
  return {
    architecture: block === 'basic' ? 'resnet18' : 'resnet50',
    model_args: { layers, channels: planes, in_chans: channels },
  }
}
