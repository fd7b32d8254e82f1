/** A browser that the machine has or that was installed, and what to run it with; or why there is none. */
export function findBrowser(
  env?: Record<string, string | undefined>,
): { path: string; env: Record<string, string>; missing?: undefined } | { missing: string }
