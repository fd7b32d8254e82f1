/**
 * Factors of the learning rate that shrink with the distance from the output, for fine-tuning a vision transformer: what lies early
 * is general and moves less.
 *
 *     factor = decay^(depth + 1 - layer);  layer 0: [CLS], positions, patches; i + 1: block i; depth + 1: the rest
 *
 * Clark et al. 2020, section 3.2 (ELECTRA); for ViTs Bao et al. 2022 (BEiT), `get_num_layer_for_vit`.
 *
 * @param names of all parameters, official (`blocks.0.attn.qkv.weight`), under any prefix
 * @param decay above 0 and at most 1; 1 gives every parameter the full rate
 * @returns for `lrScale` of an optimizer, one factor a name
 * @throws RangeError for another decay, or names without a block
 */
export function layerDecay(names: Iterable<string>, decay: number): Record<string, number> {
  if (!(decay > 0 && decay <= 1)) {
    throw new RangeError(`layerDecay: expected a decay above 0 and at most 1, got ${decay}.`)
  }
  const all = [...names]
  const depth = 1 + Math.max(...all.map(blockOf))
  if (depth < 1) {
    throw new RangeError(
      `layerDecay: expected parameters of a vision transformer (blocks.0.…), got ${all.slice(0, 3).join(', ') || 'none'}.`,
    )
  }
  return Object.fromEntries(all.map((name) => [name, decay ** (depth + 1 - layerOf(name, depth))]))
}

function layerOf(name: string, depth: number): number {
  if (/(^|\.)(cls_token|pos_embed|patch_embed\..+)$/.test(name)) return 0
  const block = blockOf(name)
  return block < 0 ? depth + 1 : block + 1
}

/** The number of the block that a parameter is of, -1 for none. */
function blockOf(name: string): number {
  return Number(/(?:^|\.)blocks\.(\d+)\./.exec(name)?.[1] ?? -1)
}
