import { Failure } from '../report/io.js'

/**
 * A data set that does not look as it should.
 *
 * @param problem a sentence
 * @param what the name of the layout
 * @param tree paths below `root` and what lies there
 */
export function wrongLayout(
  root: string,
  problem: string,
  what: string,
  tree: readonly (readonly [path: string, meaning: string])[],
): Failure {
  const width = Math.max(...tree.map(([path]) => path.length)) + 3
  const lines = tree.map(([path, meaning]) => `  ${path.padEnd(width)}${meaning}`)
  return new Failure([`--data ${root}: ${problem} ${what} looks like this:`, ...lines].join('\n'), 2)
}
