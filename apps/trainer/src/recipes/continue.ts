import { recipe } from './recipe.js'

/** A warm restart of the reference's full checkpoints on images of your own: rates as they were at the end, not at the beginning. */
export const continued = recipe({
  name: 'continue',
  summary: 'go on from a full checkpoint of the reference (--init FILE) without unlearning it',
  source:
    'what destroys features is in facebookresearch/dino issues 30, 207, 253 and 284: a fresh head or center, a full learning rate, a teacher that ' +
    'moves as in the first epoch; the values are ours: a tenth of the rate, and momentum, weight decay and teacher temperature where the ' +
    'published ViT-S/16 and ViT-B/16 ended. Give --arch and --patch-size as the file has them; one of your own runs goes on with its own settings instead',
  expect:
    'no published figure; k-NN is measured before the first step and watched. After `dino demo`, 20 epochs more on 958 embedded objects, one seed: ' +
    '55.2 % before; 56.3 % with a tenth of the rate and a slower teacher, 54.7 % with the rates of the beginning, 52.1 % with those and a fresh head',
  settings: {
    epochs: 30,
    lr: 0.00005,
    warmupEpochs: 3,
    momentumTeacher: 0.9995,
    weightDecay: 0.4,
    teacherTemp: 0.07,
    warmupTeacherTemp: 0.07,
    normLastLayer: false,
    freezeLastLayer: 0,
  },
})
