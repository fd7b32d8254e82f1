/** Points of k-NN below what a run began with that are more than chance on a few hundred images. */
const LOSS_POINTS = 3

/**
 * Watches whether a run that goes on from trained weights unlearns them: with a fresh head or a high rate features get worse while the
 * loss falls (facebookresearch/dino issues 207 and 284).
 *
 * @param began k-NN of the teacher before the first step, in percent; without it nothing is watched
 * @returns told each score; gives a warning, once
 */
export function knnGuard(began: number | undefined): (score: number) => string | undefined {
  let warned = false
  return (score) => {
    if (began === undefined || warned || score > began - LOSS_POINTS) return undefined
    warned = true
    return (
      `The features are worse than those that the run began with: k-NN ${score.toFixed(1)} %, then ${began.toFixed(1)} %. ` +
      'Begin again with the whole checkpoint (--init-parts all), a lower --lr, a longer --warmup-epochs, or --momentum-teacher nearer 1.'
    )
  }
}
