/** Softmax temperatures (Caron et al. 2021, section 3.1; `DINOLoss`, `--teacher_temp`). */
export const selfDistillation = { studentTemp: 0.1, teacherTemp: 0.04 } as const

/** Momentum of the center (`DINOLoss`). */
export const center = { momentum: 0.9 } as const

/** Sinkhorn-Knopp's rounds, as DINOv2 has them. */
export const sinkhorn = { teacherTemp: 0.04, iterations: 3 } as const

/** MoCo-v2's temperature and queue of keys (He et al. 2020; Chen et al. 2020). */
export const infoNce = { temperature: 0.2, queueSize: 65536 } as const

/** SwAV's ε, temperature and rounds (Caron et al. 2020, section 4 and its published scripts). */
export const swav = { epsilon: 0.05, temperature: 0.1, iterations: 3 } as const
