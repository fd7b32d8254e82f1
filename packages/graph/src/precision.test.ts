import { expect, test } from 'vitest'
import { bfloat16Support } from './precision.js'

const none = () => undefined
const linux = (cpuinfo: string) => ({ platform: 'linux' as const, arch: 'x64', read: () => cpuinfo, run: none })

test('AMX and AVX512-BF16 are bfloat16 in hardware, AVX-512 alone is not', () => {
  expect(bfloat16Support({}, linux('flags : fpu avx512f avx512_bf16 amx_bf16\n'))).toEqual({
    fast: true,
    reason: 'amx_bf16, avx512_bf16',
  })
  expect(bfloat16Support({}, linux('flags : fpu avx2 avx512f\n'))).toMatchObject({ fast: false })
  expect(bfloat16Support({}, { ...linux('Features : asimd bf16\n'), arch: 'arm64' }).fast).toBe(true)
})

test.each(['1\n', '0\n', undefined])('on a Mac sysctl tells: %j', (printed) => {
  const mac = { platform: 'darwin' as const, arch: 'arm64', read: none, run: () => printed }
  expect(bfloat16Support({}, mac).fast).toBe(printed === '1\n')
})

test('a GPU has it from compute capability 8.0 on, the oldest of several decides, and an unknown one has not', () => {
  const gpu = (printed?: string) =>
    bfloat16Support({ gpu: true }, { ...linux('flags : amx_bf16\n'), run: () => printed })
  expect(gpu('8.6\n')).toEqual({ fast: true, reason: 'NVIDIA GPU of compute capability 8.6' })
  expect(gpu('9.0\n7.5\n').fast).toBe(false)
  expect(gpu().fast).toBe(false)
})
