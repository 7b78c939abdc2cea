// One question over HTTP, as the router would ask it: straight to a container, for the hostname of an endpoint.
import { request } from 'node:http'
import type { Hostname } from '../domain/endpoint.ts'
import { plainLine } from '../domain/printable.ts'

export interface Question {
  /** IPv4 */
  readonly address: string
  readonly port: number
  readonly hostname: Hostname
  readonly path: string
}

/** What came back: a status and the first line of the body, or in words why nothing did. */
export type Answer =
  | { readonly status: number; readonly line: string }
  | { readonly status: null; readonly why: string }

/** Never rejects, also when its signal is aborted. */
export type Probe = (question: Question, signal: AbortSignal) => Promise<Answer>

/** Milliseconds for one try. */
const PATIENCE = 5000
/** Bytes of a body that are looked at. */
const MOST = 1024
const LINE = 200

/** Follows no redirect: that it redirects is the answer. */
export const probeHttp: Probe = ({ address, port, hostname, path }, signal) =>
  new Promise(resolve => {
    const none = (error: Error) => resolve({ status: null, why: wordsFor(error) })
    const asked = request({
      host: address,
      port,
      path,
      agent: false,
      headers: { Host: hostname, 'User-Agent': 'fairlead-health-check', 'X-Fairlead-Health-Check': '1' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    })
    asked.on('error', none)
    asked.on('response', response => {
      let body = ''
      const done = () => {
        resolve({ status: response.statusCode ?? 0, line: firstLine(body) })
        asked.destroy()
      }
      response.setEncoding('utf8')
      response.on('data', chunk => {
        body += chunk
        if (body.length >= MOST) done()
      })
      response.on('end', done)
      response.on('error', done)
    })
    asked.end()
  })

const firstLine = (body: string) => plainLine(body.trimStart().split('\n', 1)[0] ?? '').slice(0, LINE)

function wordsFor(error: Error): string {
  const { code = '', name } = error as NodeJS.ErrnoException
  if (code === 'ECONNREFUSED') return 'connection refused'
  if (code === 'ECONNRESET') return 'the connection was closed without an answer'
  if (name === 'AbortError' || name === 'TimeoutError' || code === 'ABORT_ERR') return 'no answer in time'
  return code.startsWith('HPE_') ? `no HTTP (${code})` : code || 'no connection'
}
