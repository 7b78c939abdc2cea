// A BuildKit session: a connection over which the engine asks us for credentials while it builds. The client
// library has one too, but that answers every host with the same password and dies after a second on engine 20.10.
import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { ServiceDefinition } from '@grpc/grpc-js'
import type Docker from 'dockerode'
import { normaliseHost } from '../../domain/image-reference.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'
import { encodeStrings, fieldsOf } from './wire.ts'

const HEALTH = '/grpc.health.v1.Health/Check'
const CREDENTIALS = '/moby.filesync.v1.Auth/Credentials'
const SERVING = Buffer.from([0x08, 0x01])

export interface Session {
  /** For the `session` parameter of /build, which may be sent at once: the engine waits for the session. */
  readonly id: string
  /** Resolves when the engine has taken the connection. */
  readonly ready: Promise<void>
  /** Ends the connection, also one that is still on its way. */
  close(): void
}

/** Must be closed. Aborting the signal ends only an opening that is still under way. */
export function openSession(
  docker: Docker,
  auths: ReadonlyMap<string, RegistryAuth>,
  signal: AbortSignal,
): Session {
  const id = randomUUID()
  let closed = false
  let close = () => {}

  async function serve(): Promise<void> {
    // Imported here so that a gateway that never builds does not hold a gRPC server in memory.
    const [socket, grpc] = await Promise.all([connect(docker, id, signal), import('@grpc/grpc-js')])
    socket.on('error', () => {})
    // The Upgrade agreed on HTTP/2. Node closes a TLS connection on which ALPN, which came before, did not.
    if (socket instanceof TLSSocket) socket.alpnProtocol = 'h2'
    const server = new grpc.Server()
    close = () => {
      server.forceShutdown()
      socket.destroy()
    }
    if (closed) return close()
    // Without it engine 20.10 drops the session after 1 s, newer ones after 10 s.
    server.addService(unary('Check', HEALTH), {
      Check: (_call: unknown, answer: Answer) => answer(null, SERVING),
    })
    server.addService(unary('Credentials', CREDENTIALS), {
      Credentials: ({ request }: { request: Buffer }, answer: Answer) =>
        answer(null, answerCredentials(request, auths)),
    })
    server.createConnectionInjector(grpc.ServerCredentials.createInsecure()).injectConnection(socket)
  }

  return {
    id,
    ready: serve(),
    close() {
      closed = true
      close()
    },
  }
}

/**
 * The answer to a CredentialsRequest: the credential of exactly that host, else an empty one. A Dockerfile can
 * name any host in FROM, so a credential that is not bound to its host could be had by anybody who may push. A
 * secret without a username is what BuildKit takes for an identity token.
 */
export function answerCredentials(request: Buffer, auths: ReadonlyMap<string, RegistryAuth>): Buffer {
  let host = ''
  for (const { number, value } of fieldsOf(request)) if (number === 1) host = value.toString()
  const auth = auths.get(normaliseHost(host) ?? '')
  if (auth === undefined) return Buffer.alloc(0)
  const username = auth.kind === 'identity-token' ? '' : auth.username
  return encodeStrings({ 1: username, 2: auth.password.reveal() })
}

type Answer = (error: null, reply: Buffer) => void

/** The description of one method that takes and gives undecoded messages. */
function unary(name: string, path: string): ServiceDefinition {
  const same = (message: Buffer) => message
  return {
    [name]: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  }
}

function connect(docker: Docker, id: string, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        method: 'POST',
        path: '/session',
        hijack: true,
        headers: {
          Upgrade: 'h2c',
          'X-Docker-Expose-Session-Uuid': id,
          'X-Docker-Expose-Session-Name': 'fairlead',
          'X-Docker-Expose-Session-Grpc-Method': [HEALTH, CREDENTIALS],
        },
        abortSignal: signal,
        statusCodes: { 200: true },
      },
      (error: Error | null, socket: unknown) => (error ? reject(error) : resolve(socket as Duplex)),
    )
  })
}
