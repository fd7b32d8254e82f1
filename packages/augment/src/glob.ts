/** Whether a path holds a wildcard: `*`, `?`, `[…]` or `{…,…}`. */
export function isGlob(path: string): boolean {
  return /[*?[\]{}]/.test(path)
}

/** The folder above the first wildcard of a glob. */
export function globRoot(glob: string): string {
  const parts = glob.split('/')
  const root = parts.slice(0, parts.findIndex(isGlob)).join('/')
  return root === '' ? (glob.startsWith('/') ? '/' : '.') : root
}

/**
 * A pattern for whole paths: `*` and `?` stay inside a name, a part that is `**` stands for any folders, also none, `{a,b}` for a choice,
 * `[a-z]` for one of these characters, `[!a-z]` for another.
 */
export function globPattern(glob: string): RegExp {
  let pattern = ''
  let depth = 0
  for (let i = 0; i < glob.length; i++) {
    const rest = glob.slice(i)
    const c = glob[i]!
    const set = /^\[(!?)([^\]]+)\]/.exec(rest)
    if (rest.startsWith('**/')) {
      pattern += '(?:[^/]+/)*'
      i += 2
    } else if (rest === '**') {
      pattern += '.*'
      i += 1
    } else if (c === '*') pattern += '[^/]*'
    else if (c === '?') pattern += '[^/]'
    else if (set) {
      pattern += `[${set[1] ? '^/' : ''}${set[2]!.replace(/[\\^]/g, '\\$&')}]`
      i += set[0].length - 1
    } else if (c === '{') {
      pattern += '(?:'
      depth++
    } else if (c === '}' && depth > 0) {
      pattern += ')'
      depth--
    } else if (c === ',' && depth > 0) pattern += '|'
    else pattern += c.replace(/[\\^$.|+()[\]{}]/g, '\\$&')
  }
  if (depth > 0) throw new SyntaxError(`listImages: expected a closing brace in the glob ${glob}.`)
  return new RegExp(`^${pattern}$`, 's')
}
