/** Does the work as a user who has no rights to others' files, where the tests run as root, whom no mode keeps out. */
export async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work()
  process.seteuid!(65_534) // nobody
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}
