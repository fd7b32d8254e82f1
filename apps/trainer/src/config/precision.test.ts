import { expect, test } from 'vitest'
import { precisionText, productsOf, settlePrecision } from './precision.js'
import { resolveConfig } from './resolve.js'

const has = () => ({ fast: true, reason: 'amx_bf16' })
const lacks = () => ({ fast: false, reason: 'none' })
const auto = resolveConfig({ data: '.', precision: 'auto' })

test('a run is fp32 unless it asks for something else', () => {
  expect(settlePrecision(resolveConfig({ data: '.' }), undefined, has).precision).toBe('fp32')
})

test('auto is bf16 where the hardware has it, and never on the eager engine', () => {
  expect(settlePrecision(auto, undefined, has).precision).toBe('bf16')
  expect(settlePrecision(auto, undefined, lacks).precision).toBe('fp32')
  expect(settlePrecision({ ...auto, engine: 'eager' }, undefined, has).precision).toBe('fp32')
})

test('a run that goes on with auto keeps the precision that it began with', () => {
  expect(settlePrecision(auto, { ...auto, precision: 'fp32' }, has).precision).toBe('fp32')
  expect(settlePrecision(auto, { ...auto, precision: 'bf16' }, lacks).precision).toBe('bf16')
})

test('bf16 asked for by name is bf16 on any processor, and refused on the eager engine', () => {
  const config = resolveConfig({ data: '.', precision: 'bf16' })
  expect(productsOf(settlePrecision(config, undefined, lacks))).toBe('bfloat16')
  expect(precisionText(config)).toMatch(/^bf16 products/)
  expect(() => resolveConfig({ data: '.', precision: 'bf16', engine: 'eager' })).toThrow(
    '--precision bf16 with --engine eager: TensorFlow.js computes in fp32 only. Use --precision fp32 or auto',
  )
})
