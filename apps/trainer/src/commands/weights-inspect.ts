import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading } from './command.js'
import { json } from './shared-flags.js'

export interface InspectFlags {
  json: boolean
}

export interface InspectOptions extends InspectFlags {
  file: string
}

export const weightsInspect = buildCommand<InspectFlags, [file: string], Context>({
  docs: {
    brief: 'List what a file of weights holds: names, types, shapes, settings',
    fullDescription: [
      'Reads safetensors and PyTorch files (.pth, .pt; zip and legacy), and runs nothing in them. Says which backbones it finds and under',
      "whose names: official (timm's as well), Hugging Face's ViTModel or torchvision's ResNet.",
      '',
      '  dino weights inspect dino_deitsmall16_pretrain.pth',
      '  dino weights inspect runs/demo --json',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          placeholder: 'file',
          parse: String,
          brief: '.safetensors, .pth, .pt, a run folder, or one of Hugging Face or timm',
        },
      ],
    },
    flags: { json },
  },
  loader: loading<InspectOptions>(
    async () => interruptible((await import('../inspect/run-weights-inspect.js')).runWeightsInspect),
    'file',
  ),
})
