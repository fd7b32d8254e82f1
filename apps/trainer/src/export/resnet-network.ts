import type { HostTensor } from '../train/host-tensor.js'
import { type Network, NetworkBuilder, type Value } from './network.js'

const EPSILON = 1e-5 // of torch.nn.BatchNorm2d

/**
 * A ResNet as a list of operations, equal to `resnet.apply`: `features` is the mean over the last map, [-1, D].
 *
 * Which convolutions there are is read off the names in torchvision's state dict.
 */
export function resnetNetwork(
  tensors: Record<string, HostTensor>,
  { height, width }: { height: number; width: number },
): Network {
  const b = new NetworkBuilder([tensors['conv1.weight']!.shape[1]!, height, width], tensors)
  let x = b.maxPool(b.relu(convNorm(b.input, 'conv1', 'bn1', 2)), 3, 2, 1)
  for (let stage = 1; stage <= 4; stage++) {
    for (let i = 0; `layer${stage}.${i}.conv1.weight` in tensors; i++) {
      x = residual(x, `layer${stage}.${i}`, stage > 1 && i === 0 ? 2 : 1)
    }
  }
  b.output(b.globalMean(x), 'features')
  return b.finish()

  function residual(x: Value, name: string, stride: number): Value {
    const bottleneck = `${name}.conv3.weight` in tensors
    const strided = bottleneck ? 2 : 1 // the convolution that moves by the stride: torchvision's
    let y = x
    for (let k = 1; `${name}.conv${k}.weight` in tensors; k++) {
      if (k > 1) y = b.relu(y)
      y = convNorm(y, `${name}.conv${k}`, `${name}.bn${k}`, k === strided ? stride : 1)
    }
    const shortcut =
      `${name}.downsample.0.weight` in tensors ? convNorm(x, `${name}.downsample.0`, `${name}.downsample.1`, stride) : x
    return b.relu(b.add(y, shortcut))
  }

  function convNorm(x: Value, conv: string, norm: string, stride: number): Value {
    const kernel = tensors[`${conv}.weight`]!.shape[2]!
    return b.batchNorm(b.conv(x, conv, stride, (kernel - 1) / 2), norm, EPSILON)
  }
}
