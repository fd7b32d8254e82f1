import { type MomentumScheduleOptions, momentumSchedule } from './momentum-schedule.js'

/**
 * What the teacher is made of (Caron et al. 2021, figure 6, right).
 *
 * - `momentum`: an average of the student's past, DINO's own
 * - `student`: the student itself, as the optimizer's last step left it
 * - `previous-iteration`: the student before that step
 * - `previous-epoch`: the student at the end of the last epoch; in the first, its initial weights
 */
export type Teacher = 'momentum' | 'student' | 'previous-iteration' | 'previous-epoch'

export const teachers: readonly Teacher[] = ['momentum', 'student', 'previous-iteration', 'previous-epoch']

/**
 * What `update` takes as momentum at each iteration, for any kind of teacher. For `previous-iteration` pass it the student as it was
 * before the optimizer's step; for the others, after.
 *
 * @param options `base` and `final` concern the momentum teacher alone
 * @returns [epochs · iterationsPerEpoch]
 */
export function teacherSchedule(teacher: Teacher, options: MomentumScheduleOptions): Float64Array {
  if (!teachers.includes(teacher)) {
    throw new RangeError(`teacherSchedule: expected a teacher of ${teachers.join(', ')}, got ${teacher}.`)
  }
  const schedule = momentumSchedule(options)
  if (teacher === 'momentum') return schedule
  if (teacher !== 'previous-epoch') return schedule.fill(0)
  return schedule.map((_, i) => ((i + 1) % options.iterationsPerEpoch === 0 ? 0 : 1))
}
