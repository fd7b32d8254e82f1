/** What the teacher keeps of itself at each iteration: a cosine from `base` to `final`. */
export const momentum = { base: 0.996, final: 1 }
