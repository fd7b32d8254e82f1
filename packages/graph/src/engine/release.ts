/** The libtensorflow that is fetched when none is found. This is the one place to change when the engine moves. */
export const ENGINE_VERSION = '2.21.0'

/** Versions taken from elsewhere (a path, a Python TensorFlow): from the first one up to, not including, the second. */
export const ACCEPTED_VERSIONS = ['2.16.0', '3.0.0'] as const

/** Any CPython's wheel holds the same libraries, so one is named and the machine's own Python does not matter. */
const PYTHON_VERSION = '3.12'
const PYTHON_TAG = 'cp312'

/** What to fetch for one platform. */
export interface Release {
  version: string
  /** `process.platform`-`process.arch`. */
  platform: string
  /** Name on the Python package index. */
  distribution: string
  pythonVersion: string
  pythonTag: string
  /** The wheel's platform tag. */
  platformTag: string
  /** Size of the wheel, for the progress bar and the check of free space. */
  wheelBytes: number
  /** Size of both libraries once unpacked. */
  unpackedBytes: number
  /** File names, in the wheel's folder `tensorflow`. */
  libraries: { framework: string; cc: string }
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

/** The oldest glibc that the Linux wheels run on (their `manylinux_2_27`). */
export const OLDEST_GLIBC = '2.27'

export const SUPPORTED_PLATFORMS: readonly string[] = Object.keys(releases)

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
