export { type MomentumScheduleOptions, momentumSchedule } from './momentum-schedule.js'
export { type Teacher, teacherSchedule, teachers } from './teacher-schedule.js'
export { type Params, update } from './update.js'
