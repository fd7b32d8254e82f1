import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * The worker's file: beside this one; where a bundler has moved this one, in the installed package.
 */
export function workerUrl(): URL {
  const beside = new URL('./augment-worker.js', import.meta.url)
  if (existsSync(fileURLToPath(beside))) return beside
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve('@dino/augment/worker'))
  } catch (cause) {
    throw new Error(
      `AugmentPool: no augment-worker.js beside ${fileURLToPath(import.meta.url)}. Do not bundle @dino/augment, or give its worker as the option workerUrl.`,
      { cause },
    )
  }
}
