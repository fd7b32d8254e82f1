/** `eval_knn.py`'s numbers (METHOD.md, 1.14). */
export const knn = {
  /** Neighbours that vote. */
  k: [10, 20, 100, 200],
  /** A vote weighs exp(cosine / temperature). */
  temperature: 0.07,
}

/** The linear probe's numbers: `eval_linear.py` and the paper (METHOD.md, 1.15); the sweep is DINOv2's. */
export const linear = {
  epochs: 100,
  batchSize: 1024,
  momentum: 0.9,
  /** For a batch of 256, and as many times as much for one that is as many times as large. */
  lr: 0.001,
  lrs: [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1],
}

/** `eval_video_segmentation.py`'s numbers (METHOD.md, 1.18). */
export const video = {
  /** Frames before the one to segment that give it their masks, beside the first. */
  nLastFrames: 7,
  /** Rows and columns of patches that a mask moves by at most. */
  neighbourhood: 12,
  /** Patches that give a patch its masks. */
  topk: 5,
  /** A patch weighs exp(cosine / temperature). */
  temperature: 0.1,
}
