// How acme-client talks to an authority. It shares one axios with everybody in the process, which waits and asks again
// for hours at the authority's word and loses what went wrong. So each request is sent here, once: over HTTPS, with a
// signal and an end to waiting, and a refusal keeps its kind and its Retry-After.
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { getCACertificates } from 'node:tls'
import { axios } from 'acme-client'
import { Refusal, refusalOf } from './refusal.ts'

export interface Surroundings {
  readonly signal: AbortSignal
  /** PEM certificates of authorities that the server is trusted by besides the usual ones, null for none. */
  readonly ca: string | null
}

/** Milliseconds without a byte. */
const SILENCE = 30_000
const MOST_BYTES = 1024 * 1024

const surroundings = new AsyncLocalStorage<Surroundings>()

/**
 * Does what it does with acme-client in these surroundings.
 * @throws Refusal; what the socket reports; `signal.reason`
 */
export function exchanging<T>(where: Surroundings, work: () => Promise<T>): Promise<T> {
  return surroundings.run(where, work)
}

interface Sent {
  readonly url?: string
  readonly method?: string
  readonly data?: unknown
  readonly headers: { toJSON(): unknown }
}

axios.defaults.adapter = async config => {
  const { status, headers, text } = await send(config)
  const answer = { status, statusText: '', headers: flat(headers), data: text, config, request: null }
  if (status < 400) return answer
  const refusal = refusalOf(jsonIn(text), status, retryAfter(headers['retry-after']))
  // The one refusal that acme-client knows how to mend: by signing again with the nonce that came along.
  if (refusal.kind === 'badNonce') return answer
  throw refusal
}

async function send({ url = '', method = 'get', data, headers }: Sent) {
  const where = surroundings.getStore()
  if (where === undefined) throw new Error('acme-client was used outside of exchanging()')
  where.signal.throwIfAborted()
  const sent = request(new URL(url), {
    method: method.toUpperCase(),
    headers: headers.toJSON() as Record<string, string>,
    signal: where.signal,
    agent: false,
    ...(where.ca !== null && { ca: [...getCACertificates('default'), where.ca] }),
  })
  sent.setTimeout(SILENCE, () => sent.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })))
  sent.end(typeof data === 'string' ? data : undefined)
  try {
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return { status: answer.statusCode ?? 0, headers: answer.headers, text: await textOf(answer) }
  } catch (error) {
    throw where.signal.aborted ? where.signal.reason : error
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MOST_BYTES) throw new Refusal(null, `It answered with more than ${MOST_BYTES} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function flat(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Not believed beyond a month. */
function retryAfter(text: string | undefined): number | null {
  if (text === undefined) return null
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1000)
  return seconds >= 0 && seconds <= 2_592_000 ? seconds : null
}
