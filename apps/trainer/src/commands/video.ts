import { buildCommand } from '@stricli/core'
import { above0, type Context, loading, share, wholeNumber } from './command.js'
import { engine, json, network } from './shared-flags.js'

export interface VideoFlags {
  checkpoint: string
  overlay: boolean
  threshold?: number
  fps?: number
  imageSize?: number[]
  network: 'teacher' | 'student'
  engine: string
  json: boolean
}

export interface VideoOptions extends VideoFlags {
  input: string
  output: string
}

export const video = buildCommand<VideoFlags, [input: string, output: string], Context>({
  docs: {
    brief: 'Draw what a checkpoint looks at in a video',
    fullDescription: [
      'The attention of the last block, mean of its heads, frame by frame. IN is a folder of frames, in the order of the numbers in their names, or a',
      'video, which ffmpeg on the PATH decodes; OUT is a folder for frames, a .gif, or a video (.mp4 and others), which ffmpeg encodes.',
      '',
      '  dino video clip.mp4 attention.mp4 --checkpoint runs/demo',
      '  dino video frames/ attention.gif --checkpoint runs/demo --overlay --fps 12',
      '  dino video clip.mp4 frames/ --checkpoint dino_vits8.pth --threshold 0.6 --image-size 480 854',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { placeholder: 'in', parse: String, brief: 'folder of frames, or a video' },
        {
          placeholder: 'out',
          parse: String,
          brief: 'folder for frames, a .gif, or a video (.mp4 .mov .mkv .webm .avi)',
        },
      ],
    },
    flags: {
      checkpoint: {
        kind: 'parsed',
        parse: String,
        brief: 'run folder, a checkpoint, or weights (.safetensors, .pth; official, timm or Hugging Face names)',
      },
      overlay: { kind: 'boolean', default: false, withNegated: false, brief: 'lay the maps over the frames' },
      threshold: {
        kind: 'parsed',
        parse: share,
        optional: true,
        brief: 'show the frames, and only where this share of the attention lies; instead of maps',
      },
      fps: {
        kind: 'parsed',
        parse: above0,
        optional: true,
        brief: 'frames a second; those of the video, 30 of a folder, unless given',
      },
      imageSize: {
        kind: 'parsed',
        parse: wholeNumber(1),
        variadic: ',',
        optional: true,
        brief:
          'pixels, one number or height and width, cut to whole patches; more pixels, finer maps. Of the frames unless given',
      },
      network,
      engine,
      json,
    },
  },
  // Not interruptible from outside: it stops what it started, and leaves no half file.
  loader: loading<VideoOptions>(async () => (await import('../video/run-video.js')).runVideo, 'input', 'output'),
})
