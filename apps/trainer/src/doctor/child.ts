import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { TrainIO } from '../report/io.js'

/** What came of a piece of code in a process of its own. */
export type Outcome<RESULT> =
  | { result: RESULT; stderr: string }
  /** What it said last, or what ended it. */
  | { failed: string; signal: NodeJS.Signals | null; stderr: string }

const MARK = '\u0001result:'

/**
 * Runs the body of an async function in another Node, so that a crash or a hang there is a finding and not the end.
 *
 * @param body may `await`, has `load(name)` to import a package of ours and `args`; returns what JSON can hold
 */
export function inChild<RESULT>(
  body: string,
  args: unknown,
  { env, timeoutMs = 60_000 }: { env: TrainIO['env']; timeoutMs?: number },
): Promise<Outcome<RESULT>> {
  const require = createRequire(import.meta.url)
  const packages = Object.fromEntries(
    ['@dino/graph', '@dino/graph/engine'].map((name) => [name, pathToFileURL(require.resolve(name)).href]),
  )
  const code = `
    const packages = ${JSON.stringify(packages)}
    const args = ${JSON.stringify(args)}
    const load = (name) => import(packages[name])
    const result = await (async () => { ${body} })()
    process.stdout.write(${JSON.stringify(MARK)} + JSON.stringify(result) + '\\n')
  `
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      env: env as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    child.on('error', fail)
    child.on('close', (exitCode, signal) => {
      const line = stdout.split('\n').find((text) => text.includes(MARK))
      // A result from a process that then died is no good news: training would end like that.
      if (line && exitCode === 0)
        return done({ result: JSON.parse(line.slice(line.indexOf(MARK) + MARK.length)), stderr })
      const lines = stderr.split('\n')
      const message = lines.find((text) => /^\w*Error\b.*: /.test(text)) ?? lines.findLast((text) => text.trim() !== '')
      const why =
        signal === 'SIGKILL' ? `no answer in ${timeoutMs / 1000} s` : signal ? `killed by ${signal}` : undefined
      done({ failed: why ?? message ?? `exit code ${exitCode}`, signal, stderr })
    })
  })
}
