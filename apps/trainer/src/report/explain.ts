import { Failure } from './io.js'

/** What JavaScript itself says when code is wrong, as against what our own checks say. */
const ofTheLanguage =
  /is not a (function|constructor)|is not (iterable|defined|extensible)|Cannot (read|set|destructure|access|find module)|Invalid array length|undefined|Maximum call stack/

/** An error as a person should read it: an expected one as its message, a bug with its stack. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof Failure) return error.message
  const { code, path } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' && error.message.startsWith(code)) {
    return `The disk is full${path ? ` (${path})` : ''}. Free some space; what was saved before is intact.`
  }
  if ((code === 'EACCES' || code === 'EPERM') && error.message.startsWith(code))
    return `No permission for ${path ?? 'a file'} (${code}).`
  if (code?.startsWith('E') && path) return error.message
  if (error instanceof ReferenceError || error instanceof SyntaxError || ofTheLanguage.test(error.message)) {
    return `This is a bug in dino, please report it with these lines:\n${error.stack}`
  }
  return error.message
}
