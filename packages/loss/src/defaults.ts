/** Softmax temperatures (Caron et al. 2021, section 3.1; `DINOLoss`, `--teacher_temp`). */
export const selfDistillation = { studentTemp: 0.1, teacherTemp: 0.04 } as const

/** Momentum of the center (`DINOLoss`). */
export const center = { momentum: 0.9 } as const

/** Sinkhorn-Knopp's rounds, as DINOv2 has them. */
export const sinkhorn = { teacherTemp: 0.04, iterations: 3 } as const
