// A steady load that counts the truth: requests over kept-alive connections, each of which is answered in full or has
// failed. It is our own since autocannon drops a request whose connection is closed before its answer without a word
// (of 406 requests with 101 such, it counted no error): just what a switch must not do.
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

export interface LoadOptions {
  /** Of the router, on 127.0.0.1. */
  readonly port: number
  readonly hostname: string
  /** Default 20. */
  readonly connections?: number
  /** Requests per second, over all connections together. Default 200. */
  readonly rate?: number
}

export interface Counted {
  readonly requests: number
  /** Not answered in full with 200 within `TIMEOUT_MS`. */
  readonly failed: number
  /** How the first of them failed. */
  readonly failures: readonly string[]
  /** Answers by what they said: `v3`. */
  readonly answers: ReadonlyMap<string, number>
}

export interface Load {
  /** So far. */
  counted(): Counted
  /** Sends no more, and resolves when all that was sent is answered or has failed. */
  stop(): Promise<Counted>
}

/** Of a machine that is very slow, not of an app. */
const TIMEOUT_MS = 30_000
const MOST_FAILURES = 10

export function startLoad({ port, hostname, connections = 20, rate = 200 }: LoadOptions): Load {
  const stopped = new AbortController()
  const interval = (connections * 1000) / rate
  const answers = new Map<string, number>()
  const failures: string[] = []
  let requests = 0
  let failed = 0

  /** One connection: a request, its answer, and the rest of the interval. */
  async function client(first: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    let due = performance.now() + first
    while (await pause(due - performance.now(), stopped.signal)) {
      // After a slow answer the rate goes on as before: what was not sent meanwhile is not made up for.
      due = Math.max(due + interval, performance.now())
      requests += 1
      try {
        const answer = await ask(port, hostname, agent)
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
      } catch (error) {
        failed += 1
        if (failures.length < MOST_FAILURES) failures.push((error as Error).message)
      }
    }
    agent.destroy()
  }

  const clients = Array.from({ length: connections }, (_, index) => client((index * interval) / connections))
  const counted = () => ({ requests, failed, failures: [...failures], answers: new Map(answers) })
  return {
    counted,
    async stop() {
      stopped.abort()
      await Promise.all(clients)
      return counted()
    },
  }
}

/** @returns what was answered, without its line's end */
function ask(port: number, hostname: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, agent, headers: { host: hostname }, timeout: TIMEOUT_MS })
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    sent.on('error', reject)
    sent.on('response', response => {
      text(response).then(
        body =>
          response.statusCode === 200
            ? resolve(body.trimEnd())
            : reject(new Error(`${response.statusCode} ${body.trimEnd()}`)),
        reject,
      )
    })
    sent.end()
  })
}

/** @returns false as soon as the signal is aborted */
async function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  await delay(Math.max(0, milliseconds), undefined, { signal }).catch(() => {})
  return !signal.aborted
}
