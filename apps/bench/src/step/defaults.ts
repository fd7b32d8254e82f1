/** Backbones that are timed. */
export const archs = ['vit_tiny', 'vit_small', 'vit_base', 'resnet18', 'resnet34', 'resnet50', 'resnet101'] as const
export type Arch = (typeof archs)[number]

export function isResnet(arch: Arch): arch is Extract<Arch, `resnet${string}`> {
  return arch.startsWith('resnet')
}

/** What `dino-bench step` times unless told otherwise: the reference's crops and head, at a batch that fits two cores. */
export const step = {
  arch: 'vit_small' as const,
  patchSize: 16,
  batch: 2,
  locals: 8,
  outDim: 65536,
  /** Timed steps of each process, after two that are not. */
  steps: 6,
  rounds: 2,
  engine: 'tensorflow',
  precision: 'fp32' as const,
  device: 'cpu' as const,
}

/** Steps before timing begins, on both sides. */
export const warmUpSteps = 2
