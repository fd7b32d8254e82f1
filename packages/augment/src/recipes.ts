import type { MultiCropOptions } from './multi-crop-options.js'

// What DINOv2 and DINOv3 do: their blur is torchvision's RandomApply with 1 - p, so the first global view is never blurred (facebookresearch/
// dinov2 pull request 411, dinov3 issue 286).
const blurInverted = [0, 0.9, 0.5] as const

/**
 * Published multi-crops by name: each states what differs from the defaults, which are DINO's.
 *
 *     multiCrop(recipes.dinov2)
 *     multiCrop({ ...recipes.dinov2, localCrops: 6 })
 */
export const recipes = {
  /** The defaults: ViT-S/16, 100 epochs. `main_dino.py`. */
  dino: {},
  /** The paper's ViT-S/16 of 800 epochs: ten local views, smaller crops. Caron et al. 2021; scales as lightly quotes them. */
  dino800: { localCrops: 10, globalScale: [0.25, 1], localScale: [0.05, 0.25] },
  /** Two global views alone: row 4 of the paper's table 7. The author in facebookresearch/dino issue 122. */
  dinoGlobal: { localCrops: 0, globalScale: [0.14, 1] },
  /** DINO's ResNet-50. README of facebookresearch/dino. */
  dinoResNet50: { globalScale: [0.14, 1], localScale: [0.05, 0.14] },
  /** DINOv2's defaults (ViT-L/16 on ImageNet). `ssl_default_config.yaml` and `augmentations.py` at b8931f7. */
  dinov2: { globalScale: [0.32, 1], localScale: [0.05, 0.32], blur: blurInverted },
  /** DINOv2's ViT-L/14 and ViT-g/14: local views of seven patches. `vitl14.yaml`, `vitg14.yaml` at b8931f7. */
  dinov2Patch14: { globalScale: [0.32, 1], localScale: [0.05, 0.32], localSize: 98, blur: blurInverted },
  /** DINOv3's ViT-7B/16 before its later phases: larger views, no mirroring. `dinov3_vit7b16_pretrain.yaml`. */
  dinov3: {
    globalSize: 256,
    localSize: 112,
    globalScale: [0.32, 1],
    localScale: [0.05, 0.32],
    flip: 0,
    blur: blurInverted,
  },
} as const satisfies Readonly<Record<string, MultiCropOptions>>
