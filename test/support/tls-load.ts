// Asks for a page over TLS without a pause, on new connections and on one that is kept open, and counts the truth: each
// certificate that was shown, and everything that was not answered in full with 200.
import { once } from 'node:events'
import { Agent, type RequestOptions, request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import type { HostPort } from '../../src/domain/host-port.ts'

export interface TlsLoad {
  /** Serial numbers of the certificates of new connections, each once, in the order in which they came. */
  readonly shown: readonly string[]
  /** Answers so far, on new connections and on the one that is kept. */
  readonly answers: { readonly fresh: number; readonly kept: number }
  readonly failures: readonly string[]
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>
}

/** Milliseconds, of a machine that is very slow. */
const TIMEOUT = 30_000

/** @param ca PEM certificates that are trusted, and no others */
export function startTlsLoad({ host, port }: HostPort, hostname: string, ca: readonly string[]): TlsLoad {
  const shown: string[] = []
  const answers = { fresh: 0, kept: 0 }
  const failures: string[] = []
  let going = true

  async function ask(agent: Agent | false): Promise<TLSSocket> {
    const headers = { host: hostname }
    const options: RequestOptions = { host, port, servername: hostname, headers, ca: [...ca], agent }
    const sent = request({ ...options, timeout: TIMEOUT })
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.end()
    const [response] = await once(sent, 'response')
    const body = await text(response)
    if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${body.trim()}`)
    return response.socket ?? sent.socket
  }
  async function askOn(agent: Agent | false, answered: (socket: TLSSocket) => void): Promise<void> {
    while (going) {
      await ask(agent).then(answered, (error: Error) => failures.push(error.message))
    }
  }
  const one = new Agent({ keepAlive: true, maxSockets: 1 })
  const clients = [
    askOn(false, socket => {
      answers.fresh += 1
      const { serialNumber } = socket.getPeerCertificate()
      if (!shown.includes(serialNumber)) shown.push(serialNumber)
    }),
    askOn(one, () => {
      answers.kept += 1
    }),
  ]
  return {
    shown,
    answers,
    failures,
    async stop() {
      going = false
      await Promise.all(clients)
      one.destroy()
    },
  }
}
