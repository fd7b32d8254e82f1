import type { ScaleName } from '../ablations/scale.js'

/** Rows that differ in crops and length alone, which is what the other side knows. */
export const learnRows = [
  'dino',
  '2',
  '2+2',
  '2+6',
  '2+10',
  '2-longer',
  '2-short',
  '2+2-short',
  '2+6-short',
  '2+10-short',
] as const
export type LearnRow = (typeof learnRows)[number]

export interface LearnFlags {
  /** The other side knows a ViT by its sizes, not by its name, and no solarization, which `imagenet` has. */
  scale: Exclude<ScaleName, 'imagenet'>
  row: LearnRow
  data?: string
  steps: number
  seeds: number
  out: string
  peerPython: string
  /** Folder for Markdown, HTML and JSON; the bench's unless given. */
  report?: string
  engine: string
  json: boolean
}
