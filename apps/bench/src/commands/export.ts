import { buildCommand } from '@stricli/core'
import { peerPython } from './peer-flags.js'

export const exportCheck = buildCommand({
  docs: {
    brief: "Hold what Python's tools compute with our exports to what we compute",
    fullDescription: [
      'Writes models with `dino export` in every format that Python reads: ONNX (checked by onnx.checker, run by onnxruntime with one image',
      'and three), timm and Hugging Face folders, and safetensors (loaded strictly). Fails if an output differs by more than 1e-4. The',
      'environment is made by apps/bench/peers/setup.sh.',
      '',
      '  npm run bench -- export --peer-python ~/peers/bin/python',
      '  npm run bench -- export --peer-python ~/peers/bin/python --checkpoint dino_deitsmall16_pretrain.pth',
    ].join('\n'),
  },
  parameters: {
    flags: {
      peerPython: { ...peerPython, optional: false, brief: 'python of the peer environment' },
      checkpoint: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'FILE',
        brief: 'what to export; without it fresh weights of several architectures',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print JSON instead of a table' },
    },
  },
  loader: async () => (await import('../export/run.js')).runExportCheck,
})
