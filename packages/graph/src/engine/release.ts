/** The libtensorflow that is fetched when none is found. This is the one place to change when the engine moves. */
export const ENGINE_VERSION = '2.21.0'

/** Versions taken from elsewhere (a path, a Python TensorFlow): from the first one up to, not including, the second. */
export const ACCEPTED_VERSIONS = ['2.16.0', '3.0.0'] as const

/** Any CPython's wheel holds the same libraries, so one is named and the machine's own Python does not matter. */
const PYTHON_VERSION = '3.12'
const PYTHON_TAG = 'cp312'

/** A wheel to fetch. */
export interface Wheel {
  /** Name on the Python package index. */
  distribution: string
  version: string
  /** The wheel's platform tag. */
  platformTag: string
  /** Size of the wheel, for the progress bar and the check of free space. */
  wheelBytes: number
  /** Size of what is taken out of it. */
  unpackedBytes: number
}

/** What to fetch for one platform: the wheel of TensorFlow, and those that hold the libraries it needs. */
export interface Release extends Wheel {
  /** `process.platform`-`process.arch`, with `-cuda` after it for the build that runs on NVIDIA's GPUs. */
  platform: string
  pythonVersion: string
  pythonTag: string
  /** File names, in the wheel's folder `tensorflow`. */
  libraries: { framework: string; cc: string }
  more?: readonly (Wheel & {
    /** Paths in the wheel, and where they go in the engine's folder. */
    files: Readonly<Record<string, string>>
  })[]
  /** Files of these, to be opened before TensorFlow: each after those that it needs. */
  preload?: readonly string[]
}

const elf = { framework: 'libtensorflow_framework.so.2', cc: 'libtensorflow_cc.so.2' }
const machO = { framework: 'libtensorflow_framework.2.dylib', cc: 'libtensorflow_cc.2.dylib' }

/** The file names of the libraries on this machine. */
export const LIBRARY_NAMES = process.platform === 'darwin' ? machO : elf

// `tensorflow-cpu` exists for Linux x64 alone; there the plain package is the one with CUDA kernels, twice the size.
const releases: Record<string, Omit<Release, 'version' | 'platform' | 'pythonVersion' | 'pythonTag'>> = {
  'linux-x64': {
    distribution: 'tensorflow-cpu',
    platformTag: 'manylinux_2_27_x86_64',
    wheelBytes: 274_000_871,
    unpackedBytes: 853_308_936,
    libraries: elf,
  },
  'linux-arm64': {
    distribution: 'tensorflow',
    platformTag: 'manylinux_2_27_aarch64',
    wheelBytes: 281_946_471,
    unpackedBytes: 883_062_208,
    libraries: elf,
  },
  'darwin-arm64': {
    distribution: 'tensorflow',
    platformTag: 'macosx_12_0_arm64',
    wheelBytes: 223_488_205,
    unpackedBytes: 740_805_624,
    libraries: machO,
  },
}

/** A wheel of NVIDIA's and the libraries taken out of it. */
function nvidia(
  name: string,
  version: string,
  platformTag: string,
  [wheelBytes, unpackedBytes]: [number, number],
  libraries: string[],
) {
  const files = Object.fromEntries(libraries.map((file) => [`nvidia/${name}/lib/${file}`, file]))
  return {
    distribution: `nvidia-${name.replaceAll('_', '-')}-cu12`,
    version,
    platformTag,
    wheelBytes,
    unpackedBytes,
    files,
  }
}

const from2014 = 'manylinux2014_x86_64'
const from227 = 'manylinux_2_27_x86_64'

/**
 * The CUDA build for Linux x64. Versions are those that `pip install tensorflow[and-cuda]==2.21.0` takes, without what a process
 * with one GPU has no use for (NCCL, cuRAND).
 */
const cuda: Omit<Release, 'pythonVersion' | 'pythonTag'> = {
  version: ENGINE_VERSION,
  platform: 'linux-x64-cuda',
  distribution: 'tensorflow',
  platformTag: from227,
  wheelBytes: 572_611_111,
  unpackedBytes: 1_259_021_080,
  libraries: elf,
  more: [
    nvidia('cuda_runtime', '12.9.79', from2014, [3_493_179, 741_088], ['libcudart.so.12']),
    nvidia('nvjitlink', '12.9.86', from2014, [39_748_338, 95_935_344], ['libnvJitLink.so.12']),
    nvidia('cublas', '12.9.3.13', from227, [581_217_458, 854_310_592], ['libcublasLt.so.12', 'libcublas.so.12']),
    nvidia('cusparse', '12.5.10.65', from2014, [366_465_088, 486_556_368], ['libcusparse.so.12']),
    nvidia('cusolver', '11.7.5.82', from227, [338_117_415, 302_024_152], ['libcusolver.so.11']),
    nvidia('cufft', '11.4.1.4', from2014, [200_877_592, 291_507_928], ['libcufft.so.11']),
    nvidia(
      'cuda_nvrtc',
      '12.9.86',
      from2014,
      [89_568_129, 113_447_240],
      ['libnvrtc-builtins.so.12.9', 'libnvrtc.so.12'],
    ),
    nvidia(
      'cudnn',
      '9.28.0.42',
      from227,
      [716_538_495, 1_162_363_320],
      [
        'libcudnn_graph.so.9',
        'libcudnn_ops.so.9',
        'libcudnn_cnn.so.9',
        'libcudnn_adv.so.9',
        'libcudnn_engines_precompiled.so.9',
        'libcudnn_engines_runtime_compiled.so.9',
        'libcudnn_engines_tensor_ir.so.9',
        'libcudnn_heuristic.so.9',
        'libcudnn_ext.so.9',
        'libcudnn.so.9',
      ],
    ),
    nvidia('cuda_cupti', '12.8.90', from2014, [10_248_621, 7_595_792], ['libcupti.so.12']),
    {
      // XLA's: the assembler, and the functions of its mathematics.
      ...nvidia('cuda_nvcc', '12.9.86', from2014, [40_546_229, 35_417_224], []),
      files: {
        'nvidia/cuda_nvcc/bin/ptxas': 'cuda/bin/ptxas',
        'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc': 'cuda/nvvm/libdevice/libdevice.10.bc',
      },
    },
  ],
  // cuDNN opens its parts itself, beside it.
  preload: [
    'libcudart.so.12',
    'libnvJitLink.so.12',
    'libcublasLt.so.12',
    'libcublas.so.12',
    'libcusparse.so.12',
    'libcusolver.so.11',
    'libcufft.so.11',
    'libnvrtc.so.12',
    'libcudnn.so.9',
    'libcupti.so.12',
  ],
}

/** The oldest glibc that the Linux wheels run on (their `manylinux_2_27`). */
export const OLDEST_GLIBC = '2.27'

export const SUPPORTED_PLATFORMS: readonly string[] = Object.keys(releases)

/** The build for NVIDIA's GPUs, or undefined where there is none. */
export function cudaReleaseFor(platform: string = process.platform, arch: string = process.arch): Release | undefined {
  if (platform !== 'linux' || arch !== 'x64') return undefined
  return { pythonVersion: PYTHON_VERSION, pythonTag: PYTHON_TAG, ...cuda }
}

/** Everything that a release consists of, TensorFlow's wheel first. */
export function wheelsOf(release: Release): readonly Wheel[] {
  return [release, ...(release.more ?? [])]
}

/** What to fetch for this machine, or undefined where TensorFlow publishes nothing that can be used. */
export function releaseFor(platform: string = process.platform, arch: string = process.arch): Release | undefined {
  const key = `${platform}-${arch}`
  const found = releases[key]
  return (
    found && {
      version: ENGINE_VERSION,
      platform: key,
      pythonVersion: PYTHON_VERSION,
      pythonTag: PYTHON_TAG,
      ...found,
    }
  )
}

/** -1, 0 or 1: `a` before, the same as or after `b`, number by number; a suffix such as `rc1` is left out of account. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a, b].map((version) => version.split('.').map((part) => Number.parseInt(part, 10) || 0))
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0)
    if (difference !== 0) return Math.sign(difference)
  }
  return 0
}

/** Whether a libtensorflow of this version can be used. */
export function isAccepted(version: string): boolean {
  const [from, before] = ACCEPTED_VERSIONS
  return compareVersions(version, from) >= 0 && compareVersions(version, before) < 0
}
