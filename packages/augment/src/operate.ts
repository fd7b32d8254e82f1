import { checkImage, copy, type Image } from './image.js'
import { type Kernels, kernels } from './kernels.js'

/** A copy of the image with an operation done: by the module where there is one, else as it is defined. */
export function operate(
  where: string,
  image: Image,
  fast: (kernels: Kernels) => void,
  plain: (image: Image) => void,
): Image {
  checkImage(where, image)
  const module = kernels()
  if (!module) {
    const out = copy(image)
    plain(out)
    return out
  }
  const out = { ...image, data: new Uint8Array(image.data.length) }
  try {
    module.load(image)
    fast(module)
    module.store(out.data)
  } finally {
    module.end()
  }
  return out
}
