import { architectures as resnets } from '@dino/resnet/defaults'
import { architectures as vits } from '@dino/vit/defaults'
import type { TrainConfig } from './schema.js'

type Vit = keyof typeof vits
type Resnet = keyof typeof resnets

/** The architectures that train; `deit_tiny` and `deit_small` are the reference's older names of two of them. */
export const archs = [...(Object.keys(vits) as Vit[]), ...(Object.keys(resnets) as Resnet[])]

/** Settings that only one kind of backbone has. */
export const only = {
  vit: ['patchSize', 'embedDim', 'depth', 'numHeads', 'imgSize'],
  resnet: ['resnetLayers', 'resnetPlanes'],
} as const satisfies Record<string, readonly (keyof TrainConfig)[]>

export function isResnet(arch: Vit | Resnet): arch is Resnet {
  return Object.hasOwn(resnets, arch)
}
