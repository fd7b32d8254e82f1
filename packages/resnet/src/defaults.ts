/** The published architectures (He et al. 2016, table 1), as torchvision builds them: the stride of a bottleneck is in its 3 x 3. */
export const architectures = {
  resnet18: { block: 'basic', layers: [2, 2, 2, 2] },
  resnet34: { block: 'basic', layers: [3, 4, 6, 3] },
  resnet50: { block: 'bottleneck', layers: [3, 4, 6, 3] },
  resnet101: { block: 'bottleneck', layers: [3, 4, 23, 3] },
} as const

/** Channels of a stage's blocks before they expand; channels of an image. */
export const resnet = { planes: [64, 128, 256, 512], channels: 3 } as const

/** `torch.nn.BatchNorm2d`: what a new batch contributes to the running statistics, and what is added to a variance. */
export const batchNorm = { momentum: 0.1, epsilon: 1e-5 } as const
