import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { propagateMasks } from '@dino/eval'
import { stream } from '@dino/random'

/** A frame of a clip and the frames before it that give it its masks. */
export interface ClipSize {
  /** Patches of a frame. */
  height: number
  width: number
  /** Of a patch's features. */
  dim: number
  /** Frames whose masks are known: the first and the last few. */
  context: number
  /** Background included. */
  objects: number
}

/** 854 x 480 pixels, whole patches: ViT-S/16, ViT-S/8. The reference cuts the long side to 832 pixels. */
export const clips: Record<string, ClipSize> = {
  'ViT-S/16': { height: 30, width: 53, dim: 384, context: 8, objects: 4 },
  'ViT-S/8': { height: 60, width: 106, dim: 384, context: 8, objects: 4 },
}

export interface ClipTiming {
  peer: string
  version: string
  threads: number
  times_ms: number[]
  max_rss_gb: number
}

/** Writes the operands of both sides: normal features, each frame's near to the one before; objects in blocks of patches. */
export function writeClip(folder: string, { height, width, dim, context, objects }: ClipSize): void {
  const draw = stream(0, 'clip')
  const patches = height * width
  const features = new Float32Array((context + 1) * patches * dim)
  for (let i = 0; i < features.length; i++) {
    features[i] = i < patches * dim ? draw.normal() : 0.9 * features[i - patches * dim]! + 0.4 * draw.normal()
  }
  const masks = new Float32Array(context * objects * patches)
  for (let frame = 0; frame < context; frame++) {
    for (let patch = 0; patch < patches; patch++) {
      const object = (Math.floor(patch / width / 8) + Math.floor((patch % width) / 8)) % objects
      masks[(frame * objects + object) * patches + patch] = 1
    }
  }
  writeFileSync(join(folder, 'context.f32'), features.subarray(0, context * patches * dim))
  writeFileSync(join(folder, 'target.f32'), features.subarray(context * patches * dim))
  writeFileSync(join(folder, 'masks.f32'), masks)
}

/** Times our side, after once that does not count; the target's masks go to ours.f32. */
export function timeClip(
  folder: string,
  { height, width, dim, context, objects }: ClipSize,
  repeats: number,
): ClipTiming {
  const patches = height * width
  const read = (name: string) => {
    const { buffer, byteOffset, length } = readFileSync(join(folder, name))
    return new Float32Array(buffer, byteOffset, length / 4)
  }
  const [known, masks] = [read('context.f32'), read('masks.f32')]
  const part = (data: Float32Array, frame: number, size: number) => data.subarray(frame * size, (frame + 1) * size)
  const frames = Array.from({ length: context }, (_, frame) => ({
    features: { data: part(known, frame, patches * dim), rows: patches, dim },
    masks: part(masks, frame, objects * patches),
  }))
  const target = { data: read('target.f32'), rows: patches, dim }
  const times: number[] = []
  for (let repeat = 0; repeat <= repeats; repeat++) {
    const began = performance.now()
    const out = propagateMasks(target, frames, { height, width })
    times.push(performance.now() - began)
    if (repeat === repeats) writeFileSync(join(folder, 'ours.f32'), out)
  }
  return {
    peer: '@dino/eval',
    version: `Node ${process.versions.node}`,
    threads: 1,
    times_ms: times.slice(1),
    max_rss_gb: process.resourceUsage().maxRSS / 1e6,
  }
}

/** The largest difference of both sides' masks. */
export function clipDifference(folder: string): number {
  const [ours, peer] = ['ours.f32', 'peer.f32'].map((name) => {
    const { buffer, byteOffset, length } = readFileSync(join(folder, name))
    return new Float32Array(buffer, byteOffset, length / 4)
  }) as [Float32Array, Float32Array]
  return ours.reduce((most, value, i) => Math.max(most, Math.abs(value - peer[i]!)), 0)
}
