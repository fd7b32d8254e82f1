import { video } from '@dino/eval/defaults'
import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading, wholeNumber } from './command.js'
import { checkpoint, engine, json, network, output } from './shared-flags.js'

export interface EvalVideoFlags {
  data: string
  sequences?: string[]
  nLastFrames: number
  sizeMaskNeighborhood: number
  topk: number
  masks?: string
  network: 'teacher' | 'student'
  engine: string
  output?: string
  json: boolean
}

export interface EvalVideoOptions extends EvalVideoFlags {
  checkpoint: string
}

export const evalVideo = buildCommand<EvalVideoFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Score a checkpoint by the objects that it follows through videos (DAVIS 2017)',
    fullDescription: [
      'The objects of the first frame are carried from frame to frame by the similarity of patches, with no training, and scored: J (region), F',
      '(contour) and their mean. Masks are written as the official evaluation reads them; a second call goes on where the first one stopped.',
      '',
      '  dino eval video runs/mine --data DAVIS                                     the 30 videos of the validation set',
      '  dino eval video dino_vits8.pth --data DAVIS --masks masks/vits8            weights of others: masks only where asked for',
      '  dino eval video runs/mine --data DAVIS --sequences bike-packing,dogs-jump  some of them',
    ].join('\n'),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [checkpoint] },
    flags: {
      data: {
        kind: 'parsed',
        parse: String,
        brief: 'folder of DAVIS 2017: ImageSets/2017/val.txt, JPEGImages/480p, Annotations/480p',
      },
      sequences: {
        kind: 'parsed',
        parse: String,
        variadic: ',',
        optional: true,
        brief: 'names of videos, a comma between them; all that val.txt lists unless given',
      },
      nLastFrames: {
        kind: 'parsed',
        parse: wholeNumber(0),
        default: String(video.nLastFrames),
        brief: 'frames before each that give it their masks, beside the first',
      },
      sizeMaskNeighborhood: {
        kind: 'parsed',
        parse: wholeNumber(0),
        default: String(video.neighbourhood),
        brief: 'patches that an object moves by at most between frames; 0 for anywhere',
      },
      topk: {
        kind: 'parsed',
        parse: wholeNumber(1),
        default: String(video.topk),
        brief: 'most similar patches whose masks are averaged',
      },
      masks: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: "folder for the masks; a run's own davis2017/ unless given, of other weights none",
      },
      network,
      engine,
      output,
      json,
    },
  },
  loader: loading<EvalVideoOptions>(
    async () => interruptible((await import('../evaluate/video/run-video.js')).runVideo),
    'checkpoint',
  ),
})
