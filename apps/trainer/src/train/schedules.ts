import { teacherSchedule } from '@dino/ema'
import { cosineSchedule, teacherTempSchedule } from '@dino/optim'
import type { TrainConfig } from '../config/schema.js'

/** One value an iteration, but `teacherTemp`: one an epoch (main_dino.py). */
export interface Schedules {
  lr: Float64Array
  weightDecay: Float64Array
  momentum: Float64Array
  teacherTemp: Float64Array
}

/**
 * The four schedules of a run, in optimizer steps. The learning rate is scaled by the images of a step / 256 (Goyal et al. 2017);
 * its end is not.
 */
export function schedules(config: TrainConfig, iterationsPerEpoch: number): Schedules {
  const { epochs } = config
  return {
    lr: cosineSchedule({
      base: (config.lr * config.batchSize * config.accumulate) / 256,
      final: config.minLr,
      epochs,
      iterationsPerEpoch,
      warmupEpochs: config.warmupEpochs,
    }),
    weightDecay: cosineSchedule({ base: config.weightDecay, final: config.weightDecayEnd, epochs, iterationsPerEpoch }),
    momentum: teacherSchedule(config.teacher, {
      base: config.momentumTeacher,
      final: config.momentumTeacherEnd,
      epochs,
      iterationsPerEpoch,
    }),
    teacherTemp: teacherTempSchedule({
      // Not sharpened, the teacher's distributions are as flat as the student's.
      warmupTemp: config.sharpening ? config.warmupTeacherTemp : config.studentTemp,
      temp: config.sharpening ? config.teacherTemp : config.studentTemp,
      warmupEpochs: config.warmupTeacherTempEpochs,
      epochs,
    }),
  }
}
