// Stands between a driver and the real Docker engine: notes what is sent, can ask for a client certificate, and
// can be cut off like an engine that dies.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import type { EngineAddress } from '../../src/domain/stack.ts'

export const ENGINE_SOCKET = '/var/run/docker.sock'

export interface EngineProxy {
  readonly address: EngineAddress
  /** First line and headers of every request, as one text each. */
  readonly requests: readonly string[]
  /** Cuts every connection; nobody listens any more. */
  die(): Promise<void>
}

/** On a unix socket. */
export async function engineProxy(): Promise<EngineProxy> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-engine-'))
  const path = join(directory, 'engine.sock')
  const proxy = forward(net.createServer({ allowHalfOpen: true }), 'connection')
  await new Promise<void>(resolve => proxy.server.listen(path, resolve))
  return {
    address: { kind: 'unix', path },
    requests: proxy.requests,
    async die() {
      await proxy.die()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export interface Certificates {
  readonly directory: string
  /** Paths of PEM files. */
  readonly ca: string
  readonly server: { cert: string; key: string }
  readonly client: { cert: string; key: string }
  /** Signed by nobody the server knows. */
  readonly stranger: { cert: string; key: string }
}

/** On loopback TCP, for clients with a certificate of that authority only. */
export async function tlsEngineProxy(certificates: Certificates): Promise<EngineProxy & { port: number }> {
  const { ca, server, client } = certificates
  const listener = tls.createServer({
    ca: readFileSync(ca),
    cert: readFileSync(server.cert),
    key: readFileSync(server.key),
    requestCert: true,
    rejectUnauthorized: true,
    allowHalfOpen: true,
  })
  const proxy = forward(listener, 'secureConnection')
  await new Promise<void>(resolve => proxy.server.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.server.address() as net.AddressInfo
  return {
    port,
    address: { kind: 'tls', host: '127.0.0.1', port, ca, cert: client.cert, key: client.key },
    requests: proxy.requests,
    die: proxy.die,
  }
}

function forward(server: net.Server, event: 'connection' | 'secureConnection') {
  const open = new Set<net.Socket>()
  const requests: string[] = []
  // Also those whose handshake fails, which never become a secure connection.
  server.on('connection', (socket: net.Socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
  })
  server.on(event, (socket: net.Socket) => {
    const engine = net.connect({ path: ENGINE_SOCKET, allowHalfOpen: true })
    for (const end of [socket, engine]) {
      open.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        open.delete(end)
        socket.destroy()
        engine.destroy()
      })
    }
    socket.once('data', first => requests.push(first.toString('latin1').split('\r\n\r\n')[0] ?? ''))
    socket.pipe(engine).pipe(socket)
  })
  async function die() {
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    for (const socket of open) socket.destroy()
    await closed
  }
  return { server, requests, die }
}

/** An authority, a server on 127.0.0.1, a client, and a stranger who signed for himself. The caller removes the directory. */
export function makeCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-certificates-'))
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })
  const key = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    file(`${name}.key`),
  ]
  const selfSigned = (name: string) =>
    openssl('req', '-x509', ...key(name), '-out', file(`${name}.pem`), '-subj', `/CN=${name}`, '-days', '2')

  selfSigned('ca')
  selfSigned('stranger')
  writeFileSync(file('server.ext'), 'subjectAltName=IP:127.0.0.1\n')
  writeFileSync(file('client.ext'), 'extendedKeyUsage=clientAuth\n')
  for (const name of ['server', 'client']) {
    openssl('req', ...key(name), '-out', file(`${name}.csr`), '-subj', `/CN=${name}`)
    openssl(
      ...['x509', '-req', '-in', file(`${name}.csr`), '-out', file(`${name}.pem`), '-days', '2'],
      ...[
        '-CA',
        file('ca.pem'),
        '-CAkey',
        file('ca.key'),
        '-CAcreateserial',
        '-extfile',
        file(`${name}.ext`),
      ],
    )
  }
  const pair = (name: string) => ({ cert: file(`${name}.pem`), key: file(`${name}.key`) })
  return {
    directory,
    ca: file('ca.pem'),
    server: pair('server'),
    client: pair('client'),
    stranger: pair('stranger'),
  }
}
