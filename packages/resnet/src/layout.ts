import { expansion, type ResnetConfig, resolve, stem } from './config.js'

/** A convolution without bias and the batch norm after it. */
export interface ConvNorm {
  /** Names in torchvision's state dict, such as `layer1.0.conv1` and `layer1.0.bn1`. */
  conv: string
  norm: string
  in: number
  out: number
  /** Side of the kernel; it is padded so that stride 1 keeps the image's size. */
  kernel: number
  stride: number
}

export interface Block {
  /** Such as `layer1.0`. */
  name: string
  /** In turn, a ReLU between them. */
  convs: ConvNorm[]
  /** What makes the input fit the output where sizes differ. */
  downsample?: ConvNorm
}

/** The network as a list: its first convolution, then all blocks. */
export function layout(config: ResnetConfig): { first: ConvNorm; blocks: Block[] } {
  const { block, layers, planes, channels } = resolve(config)
  const first = { conv: 'conv1', norm: 'bn1', in: channels, out: stem, kernel: 7, stride: 2 }
  const blocks: Block[] = []
  let width: number = stem
  for (const [stage, count] of layers.entries()) {
    for (let i = 0; i < count; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1
      const inner = planes[stage]!
      const out = inner * expansion(block)
      const name = `layer${stage + 1}.${i}`
      const conv = (k: number, from: number, to: number, kernel: number, stride: number): ConvNorm => {
        return { conv: `${name}.conv${k}`, norm: `${name}.bn${k}`, in: from, out: to, kernel, stride }
      }
      const convs =
        block === 'basic'
          ? [conv(1, width, inner, 3, stride), conv(2, inner, inner, 3, 1)]
          : [conv(1, width, inner, 1, 1), conv(2, inner, inner, 3, stride), conv(3, inner, out, 1, 1)]
      const fits = stride === 1 && width === out
      const shortcut = { conv: `${name}.downsample.0`, norm: `${name}.downsample.1`, in: width, out, kernel: 1, stride }
      blocks.push({ name, convs, ...(!fits && { downsample: shortcut }) })
      width = out
    }
  }
  return { first, blocks }
}

/** Every convolution, in the order of torchvision's state dict. */
export function convolutions(config: ResnetConfig): ConvNorm[] {
  const { first, blocks } = layout(config)
  return [first, ...blocks.flatMap(({ convs, downsample }) => (downsample ? [...convs, downsample] : convs))]
}
