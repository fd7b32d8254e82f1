/** AdamW: decay rates of the moments, and what is added to the denominator. */
export const adamw = { beta1: 0.9, beta2: 0.999, eps: 1e-8 }

/** SGD: what a step keeps of the one before. */
export const sgd = { momentum: 0.9 }

/** LARS: momentum, and the trust coefficient. */
export const lars = { momentum: 0.9, eta: 0.001 }

/** Largest norm of a tensor's gradient, 0 = any; and what is added to the norm. */
export const clip = { maxNorm: 3, eps: 1e-6 }

/** Learning rate, for a batch of 256 images: scale `base` by batch / 256, and leave `final`. */
export const lr = { base: 0.0005, final: 1e-6, warmupEpochs: 10 }

/** Weight decay. */
export const weightDecay = { base: 0.04, final: 0.4 }

/** Softmax temperature of the teacher: from `warmupTemp` to `temp`. */
export const teacherTemp = { warmupTemp: 0.04, temp: 0.04, warmupEpochs: 0 }

/** Epochs in which the head's last layer is left out of `grads`. */
export const freezeLastLayer = { epochs: 1 }
