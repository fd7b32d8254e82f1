export const augment = { rounds: 3, repeats: 6 } as const
