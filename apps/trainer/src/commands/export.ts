import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading } from './command.js'
import { checkpoint, json, network } from './shared-flags.js'

export const exportFormats = ['huggingface', 'safetensors'] as const

export interface ExportFlags {
  output: string
  format: (typeof exportFormats)[number]
  network: 'teacher' | 'student'
  json: boolean
}

export interface ExportOptions extends ExportFlags {
  checkpoint: string
}

export const exportWeights = buildCommand<ExportFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Write a backbone for other tools: a Hugging Face folder, or safetensors',
    fullDescription: [
      'huggingface: a new folder with config.json, preprocessor_config.json and model.safetensors, which Python reads with',
      'transformers: ViTModel.from_pretrained(folder). Its [CLS] output is that of dino extract.',
      'safetensors: one file under the official names, which timm reads as well.',
      '',
      '  dino export runs/demo --output demo-hf',
      '  dino export dino_deitsmall16_pretrain.pth --format safetensors --output vits16.safetensors',
    ].join('\n'),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [checkpoint] },
    flags: {
      output: { kind: 'parsed', parse: String, brief: 'folder (huggingface) or file (safetensors) to write' },
      format: { kind: 'enum', values: exportFormats, default: 'huggingface', brief: 'what the other tool reads' },
      network,
      json,
    },
  },
  loader: loading<ExportOptions>(
    async () => interruptible((await import('../export/run-export.js')).runExport),
    'checkpoint',
  ),
})
