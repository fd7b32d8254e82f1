/** `eval_knn.py`'s numbers (METHOD.md, 1.14). */
export const knn = {
  /** Neighbours that vote. */
  k: [10, 20, 100, 200],
  /** A vote weighs exp(cosine / temperature). */
  temperature: 0.07,
}
