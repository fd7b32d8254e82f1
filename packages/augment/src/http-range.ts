import { setTimeout } from 'node:timers/promises'
import { DatasetError } from './dataset-error.js'

/** How often a request is tried, and the wait after the first failure, doubled after each further one. */
const TRIES = 5
const FIRST_WAIT_MS = 200
const TIMEOUT_MS = 30_000

export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source)
}

/** A URL for people: without what may be a secret. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/**
 * The size of a file on a server that answers range requests.
 *
 * @returns bytes, and what changes when the file does
 */
export async function remoteFile(url: string): Promise<{ size: number; version: string }> {
  return request(url, 'bytes=0-0', async (response, refuse) => {
    if (response.status === 416) return { size: 0, version: 'empty' }
    const size = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1])
    if (response.status !== 206 || !Number.isSafeInteger(size)) throw refuse(noRanges(response))
    const { headers } = response
    return { size, version: `${size} ${headers.get('etag') ?? headers.get('last-modified') ?? ''}` }
  })
}

/** Bytes of a file on a server; an error if it has fewer. */
export async function fetchRange(url: string, offset: number, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array()
  const range = `${offset}-${offset + length - 1}`
  return request(url, `bytes=${range}`, async (response, refuse) => {
    if (response.status === 416) throw refuse(`it ends before byte ${offset}: it has been cut short`)
    if (response.status !== 206) throw refuse(noRanges(response))
    const got = response.headers.get('content-range') ?? 'nothing'
    if (!got.startsWith(`bytes ${range}/`)) throw refuse(`asked for bytes ${range}, the server sent ${got}`)
    const bytes = await body(response, length)
    if (bytes.length > length) throw refuse(`asked for ${length} bytes, the server sent more`)
    if (bytes.length < length) throw new Error(`the connection ended after ${bytes.length} of ${length} bytes`)
    return bytes
  })
}

/** A whole file from a server, at most `limit` bytes. */
export async function fetchWhole(url: string, limit: number): Promise<Uint8Array> {
  return request(url, undefined, async (response, refuse) => {
    const bytes = await body(response, limit)
    if (bytes.length > limit) throw refuse(`it has more than ${limit} bytes`)
    const promised = response.headers.get('content-encoding') ? null : response.headers.get('content-length')
    if (promised !== null && bytes.length !== Number(promised))
      throw new Error(`the connection ended after ${bytes.length} of ${promised} bytes`)
    return bytes
  })
}

type Read<T> = (response: Response, refuse: (reason: string) => DatasetError) => Promise<T>

/** Tries again, each time later, what another try may mend: no connection, 408, 429 and 5xx. */
async function request<T>(url: string, range: string | undefined, read: Read<T>): Promise<T> {
  const refuse = (reason: string, cause?: unknown) => new DatasetError(shownUrl(url), reason, cause)
  for (let attempt = 1; ; attempt++) {
    try {
      const headers = { 'accept-encoding': 'identity', ...(range !== undefined && { range }) }
      const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
      const { status } = response
      const said = `the server said ${status} ${response.statusText}`.trim()
      try {
        if (status === 408 || status === 429 || status >= 500) throw new Error(said)
        if (status >= 400 && status !== 416) throw refuse(said)
        return await read(response, refuse)
      } finally {
        await response.body?.cancel().catch(() => {}) // what is not read would hold the connection
      }
    } catch (error) {
      if (error instanceof DatasetError) throw error
      if (attempt === TRIES) throw refuse(`${reasonOf(error)} (tried ${TRIES} times)`, error)
      await setTimeout(FIRST_WAIT_MS * 2 ** (attempt - 1))
    }
  }
}

/** The body, and no more than one byte beyond `limit`. */
async function body(response: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader && length <= limit) {
    const { done, value } = await reader.read()
    if (done) break
    chunks.push(value)
    length += value.length
  }
  reader?.releaseLock()
  return Buffer.concat(chunks).subarray(0, limit + 1)
}

function noRanges({ status }: Response): string {
  return `the server answers range requests with status ${status}, where 206 was expected. Serve it by one that does ranges, or download it`
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } }
  return cause?.code ?? cause?.message ?? message
}
