/**
 * How many GPUs NVIDIA's driver offers to this process; 0 where there is no driver, or it does not answer. What CUDA_VISIBLE_DEVICES
 * hides does not count.
 */
export async function countGpus(): Promise<number> {
  const { default: koffi } = await import('koffi')
  try {
    const driver = koffi.load('libcuda.so.1')
    if (driver.func('cuInit', 'int', ['uint'])(0) !== 0) return 0
    const count = new Int32Array(1)
    return driver.func('cuDeviceGetCount', 'int', ['void *'])(count) === 0 ? count[0] : 0
  } catch {
    return 0
  }
}
