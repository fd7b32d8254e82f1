import { join } from 'node:path'
import { evaluation } from '@dino/augment/defaults'
import { toHuggingFace } from '@dino/weights'
import { writeFileAtomic } from '@dino/weights/node'
import type { Backbone } from '../inspect/backbone.js'
import { json, writeNewFolder } from './new-folder.js'
import { writeTensors } from './safetensors.js'

/** Writes a folder that `transformers` loads as a ViTModel. */
export async function writeHuggingFace(backbone: Backbone, folder: string): Promise<void> {
  await writeNewFolder(folder, async (made) => {
    await writeTensors(backbone, join(made, 'model.safetensors'), toHuggingFace)
    await writeFileAtomic(join(made, 'config.json'), json(modelConfig(backbone)))
    await writeFileAtomic(join(made, 'preprocessor_config.json'), json(preprocessorConfig(backbone)))
  })
}

/** The ViTConfig of transformers. Its ViTModel has no offset for resized position embeddings: those are as at the size of training. */
function modelConfig({ config }: Backbone) {
  return {
    architectures: ['ViTModel'],
    model_type: 'vit',
    hidden_size: config.embedDim,
    num_hidden_layers: config.depth,
    num_attention_heads: config.numHeads,
    intermediate_size: Math.floor(config.embedDim * (config.mlpRatio ?? 4)),
    hidden_act: 'gelu',
    layer_norm_eps: 1e-6,
    image_size: config.imgSize,
    patch_size: config.patchSize,
    num_channels: config.channels ?? 3,
    qkv_bias: true,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    initializer_range: 0.02,
  }
}

/** The evaluation transform of the paper at the size of training: resize to size · 256 / 224, centre crop, normalise. */
function preprocessorConfig({ config, normalization }: Backbone) {
  const size = config.imgSize
  return {
    image_processor_type: 'BitImageProcessor',
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: Math.round((size * evaluation.resize) / evaluation.crop) },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: normalization.mean,
    image_std: normalization.std,
  }
}
