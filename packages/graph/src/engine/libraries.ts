import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { EngineError, WAYS_OUT } from './error.js'
import { ACCEPTED_VERSIONS, isAccepted, LIBRARY_NAMES } from './release.js'

/** A libtensorflow on this machine. */
export interface Engine {
  /** The folder that holds the libraries. */
  dir: string
  /** TensorFlow's version, '2.21.0'; 'unknown' if nothing beside the libraries tells it (TF_Version does, once loaded). */
  version: string
  /** How it was found: the path given, DINO_ENGINE, our cache, a Python TensorFlow, or fetched just now. */
  origin: 'option' | 'environment' | 'cache' | 'python' | 'installed'
  /** Absolute paths, to be opened in the order of `preload`, framework, cc. */
  libraries: EngineLibraries
  /** Whether it is the build for NVIDIA's GPUs that `installEngine({ cuda: true })` fetches. */
  cuda?: boolean
}

export interface EngineLibraries {
  framework: string
  cc: string
  /** CUDA's libraries. */
  preload?: string[]
}

/** Written beside the libraries in our cache. */
export const MANIFEST = 'engine.json'

export interface Manifest {
  version: string
  platform: string
  distribution: string
  libraries: { file: string; bytes: number; sha256: string }[]
  /** Files of these to open before TensorFlow, in this order. */
  preload?: string[]
}

/**
 * The engine in a folder that a person or a Python named, checked: both libraries, this machine's architecture, a
 * version that can be used.
 *
 * @param path the folder itself, its parent (a site-packages folder, a root with lib/), or one of the libraries
 * @param origin how it was found
 * @param source what to call it in an error, 'DINO_ENGINE' say
 * @param told the version, if nothing beside the libraries tells it
 */
export function engineAt(path: string, origin: Engine['origin'], source: string, told = 'unknown'): Engine {
  const given = resolve(path)
  if (!existsSync(given)) {
    throw new EngineError('bad-path', `${source}: there is no ${given}. ${WAYS_OUT}`)
  }
  const root = statSync(given).isDirectory() ? given : dirname(given)
  const { framework, cc } = LIBRARY_NAMES
  const has = (folder: string, file: string) => existsSync(join(folder, file))
  const candidates = [root, join(root, 'tensorflow'), join(root, 'lib')]
  const dir = candidates.find((folder) => has(folder, framework) && has(folder, cc))
  if (!dir) {
    const there = [cc, framework].find((file) => has(root, file))
    throw new EngineError(
      'bad-path',
      `${source}: expected ${cc} and ${framework} in ${root}, but ${there ? `only ${there} is there` : 'neither is there'}. ` +
        'Those of a Python TensorFlow lie in its folder site-packages/tensorflow.',
    )
  }
  const libraries = { framework: join(dir, framework), cc: join(dir, cc) }
  for (const file of Object.values(libraries)) checkArchitecture(file, source)

  const version = versionBeside(dir) ?? told
  if (version !== 'unknown' && !isAccepted(version)) {
    const [from, before] = ACCEPTED_VERSIONS
    throw new EngineError(
      'wrong-version',
      `${source}: TensorFlow ${version} in ${dir} cannot be used; ${from} or newer, before ${before}, is needed.`,
    )
  }
  return { dir, version, origin, libraries }
}

/** The engine in a folder of our cache, or undefined if it is not whole. */
export function engineInCache(dir: string): (Engine & { manifest: Manifest }) | undefined {
  try {
    const manifest: Manifest = JSON.parse(readFileSync(join(dir, MANIFEST), 'utf8'))
    for (const { file, bytes } of manifest.libraries) if (statSync(join(dir, file)).size !== bytes) return undefined
    const find = (kind: string) => join(dir, manifest.libraries.find(({ file }) => file.includes(kind))!.file)
    const preload = manifest.preload?.map((file) => join(dir, file))
    const libraries = {
      framework: find('libtensorflow_framework'),
      cc: find('libtensorflow_cc'),
      ...(preload && { preload }),
    }
    const cuda = manifest.platform.endsWith('-cuda')
    return { dir, version: manifest.version, origin: 'cache', libraries, ...(cuda && { cuda }), manifest }
  } catch {
    return undefined
  }
}

const ELF_MACHINES: Record<number, string> = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64' }
const MACH_O_CPUS: Record<number, string> = { 16777223: 'x64', 16777228: 'arm64' }

/** Refuses a library built for another machine, before dlopen says so less clearly. */
function checkArchitecture(file: string, source: string) {
  const head = Buffer.alloc(20)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, head, 0, head.length, 0)
  } finally {
    closeSync(descriptor)
  }
  const here = `${process.platform}-${process.arch}`
  const built = builtFor(head)
  if (built === undefined) {
    throw new EngineError(
      'bad-path',
      `${source}: ${file} is not a shared library (or only the start of one). ${WAYS_OUT}`,
    )
  }
  if (built !== here && built !== 'darwin-universal') {
    throw new EngineError(
      'wrong-architecture',
      `${source}: ${basename(file)} in ${dirname(file)} is built for ${built}, this Node runs on ${here}. ${WAYS_OUT}`,
    )
  }
}

/** 'linux-x64', 'darwin-arm64', …, from a library's first 20 bytes; undefined if it is no library. */
export function builtFor(head: Buffer): string | undefined {
  // ELF: e_machine is 2 bytes at 18. Mach-O: cputype is 4 bytes at 4; cafebabe starts a file with several of them.
  if (head.readUInt32BE(0) === 0x7f454c46) {
    const machine = head.readUInt16LE(18)
    return `linux-${ELF_MACHINES[machine] ?? `machine-0x${machine.toString(16)}`}`
  }
  if (head.readUInt32LE(0) === 0xfeedfacf) return `darwin-${MACH_O_CPUS[head.readUInt32LE(4)] ?? 'unknown'}`
  if (head.readUInt32BE(0) === 0xcafebabe) return 'darwin-universal'
  return undefined
}

/** The version that the files beside the libraries tell: our manifest, a wheel's metadata, or TensorFlow's headers. */
function versionBeside(dir: string): string | undefined {
  const manifest = engineInCache(dir)
  if (manifest) return manifest.version
  const metadata = readNames(dirname(dir)).map(
    (name) => /^tensorflow(?:_[a-z_]+)?-([\d.]+\w*)\.dist-info$/.exec(name)?.[1],
  )
  if (basename(dir) === 'tensorflow' && metadata.some(Boolean)) return metadata.find(Boolean)!
  for (const include of [join(dir, 'include'), join(dir, '..', 'include')]) {
    for (const header of ['release_version.h', 'version.h']) {
      const file = join(include, 'tensorflow', 'core', 'public', header)
      if (!existsSync(file)) continue
      const text = readFileSync(file, 'utf8')
      const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
        (part) => new RegExp(`TF_${part}_VERSION\\s+(\\d+)`).exec(text)?.[1],
      )
      if (parts.every(Boolean)) return parts.join('.')
    }
  }
  return undefined
}

function readNames(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
