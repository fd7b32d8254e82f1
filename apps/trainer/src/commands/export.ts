import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading } from './command.js'
import { checkpoint, imageSize, json, network } from './shared-flags.js'

export const exportFormats = ['huggingface', 'safetensors', 'timm', 'onnx', 'tfjs'] as const

/** Outputs of an exported program. */
export const exportOutputs = ['cls', 'patches', 'attention'] as const

export type ExportOutput = (typeof exportOutputs)[number]

export interface ExportFlags {
  output: string
  format: (typeof exportFormats)[number]
  network: 'teacher' | 'student'
  outputs?: ExportOutput[]
  imageSize?: number
  json: boolean
}

export interface ExportOptions extends ExportFlags {
  checkpoint: string
}

export const exportWeights = buildCommand<ExportFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Write a backbone for other tools: Hugging Face, timm, ONNX, TensorFlow.js, safetensors',
    fullDescription: [
      'huggingface: a new folder with config.json, preprocessor_config.json and model.safetensors, which Python reads with',
      'transformers: ViTModel.from_pretrained(folder). Its [CLS] output is that of dino extract.',
      "timm: a new folder for timm.create_model('local-dir:FOLDER', pretrained=True).",
      'safetensors: one file under the official names.',
      'onnx: one file that holds the program as well, for ONNX Runtime in any language. Input: images [batch, 3, size, size], normalised.',
      'tfjs: a new folder with model.json, for tf.loadGraphModel in a browser. Input: images [batch, size, size, 3], normalised.',
      '',
      'Outputs of onnx and tfjs are float32: cls [batch, width]; patches [batch, patches, width], both after the final norm; attention',
      '[batch, heads, tokens, tokens] of the last block, where token 0 is [CLS]. Of a ResNet: features [batch, width].',
      '',
      '  dino export runs/demo --output demo-hf',
      '  dino export dino_deitsmall16_pretrain.pth --format safetensors --output vits16.safetensors',
      '  dino export runs/demo --format onnx --outputs cls,attention --image-size 64 --output demo.onnx',
    ].join('\n'),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [checkpoint] },
    flags: {
      output: { kind: 'parsed', parse: String, brief: 'folder (huggingface, timm, tfjs) or file to write' },
      format: { kind: 'enum', values: exportFormats, default: 'huggingface', brief: 'what the other tool reads' },
      network,
      outputs: {
        kind: 'enum',
        values: exportOutputs,
        variadic: ',',
        optional: true,
        brief: 'of onnx and tfjs, of a vision transformer; cls unless given',
      },
      imageSize: {
        ...imageSize,
        brief: 'of onnx and tfjs: pixels of the square that the program takes; that of the training unless given',
      },
      json,
    },
  },
  loader: loading<ExportOptions>(
    async () => interruptible((await import('../export/run-export.js')).runExport),
    'checkpoint',
  ),
})
