/** What one step measured; entropies and KL in nats. */
export interface Measured {
  loss: number
  teacherEntropy?: number
  kl?: number
  /** Of losses without a softmax: 1 is even, 0 is one direction. */
  outputSpread?: number
}

export interface CollapseMonitor {
  /** A warning when the outputs have collapsed, once each time that it begins; else undefined. */
  observe(measured: Measured): string | undefined
}

/**
 * Watches for the two ways in which self-distillation collapses (Caron et al. 2021, section 5.3 and appendix D): all
 * images get the same one prototype (teacher entropy 0), or none is preferred (entropy ln K); in both KL goes to 0.
 *
 * @param patience steps in a row before it warns, since single batches may touch the bounds
 */
export function collapseMonitor(outDim: number, patience = 50): CollapseMonitor {
  const lnK = Math.log(outDim)
  let mode: 'one' | 'uniform' | 'direction' | undefined
  let steps = 0
  return {
    observe({ teacherEntropy = lnK / 2, kl = lnK, outputSpread = 1 }) {
      const now =
        outputSpread < 0.01
          ? 'direction'
          : kl > 0.01 * lnK
            ? undefined
            : teacherEntropy < 0.01 * lnK
              ? 'one'
              : teacherEntropy > 0.99 * lnK
                ? 'uniform'
                : undefined
      steps = now === undefined ? 0 : now === mode ? steps + 1 : 1
      mode = now
      if (mode === undefined || steps !== patience) return undefined
      if (mode === 'direction') return direction(outputSpread)
      return mode === 'one' ? oneDimension(teacherEntropy) : uniform(teacherEntropy, lnK)
    },
  }
}

function direction(spread: number): string {
  return (
    `Collapse: the teacher's outputs all point one way (spread ${spread.toFixed(4)}, 1 is even). With --loss mse use ` +
    '--predictor true with --predictor-bn true, or --centering center, and keep the momentum teacher.'
  )
}

function oneDimension(entropy: number): string {
  return (
    `Collapse: the teacher gives every image the same prototype (entropy ${entropy.toFixed(4)}, near 0). Centering ` +
    'should prevent this: check --center-momentum (0.9; 0.999 is too slow), keep --freeze-last-layer at 1 or more, ' +
    'lower --lr, and raise --momentum-teacher (0.9995 for a batch of 256 or less).'
  )
}

function uniform(entropy: number, lnK: number): string {
  return (
    `Collapse: the teacher prefers no prototype (entropy ${entropy.toFixed(3)} of ln K = ${lnK.toFixed(3)}). Sharpening ` +
    'should prevent this: lower --teacher-temp (0.04; unstable above 0.07) or warm it up from a lower ' +
    '--warmup-teacher-temp, check the learning rate, and soften the augmentation for small images.'
  )
}
