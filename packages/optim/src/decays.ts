/**
 * Whether weight decay applies to a parameter: to all but biases and vectors. `cls_token`, `pos_embed`, `weight_v` and
 * a trained `weight_g` ([K, 1]) do decay.
 *
 * Reference: `get_params_groups` in utils.py.
 *
 * @param name state-dict name
 */
export function decays(name: string, shape: readonly number[]): boolean {
  return !(name.endsWith('.bias') || shape.length === 1)
}
