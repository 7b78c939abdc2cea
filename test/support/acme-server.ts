// A real ACME authority: Caddy's. It looks for proofs at port 80 of a hostname and can be told no other, and it asks
// the system for the address. So it runs in a network of its own, where port 80 is free, with a list of hosts of its
// own; two unix sockets lead in and out. That takes `unshare`, `setpriv` and `ip`, and root or a system that lets its users make
// user namespaces.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './until.ts'

export interface AcmeServer {
  readonly directory: string
  /** PEM: what the directory and the certificates that it signs are trusted by. */
  readonly ca: string
  /** Requests for proofs go to this port of 127.0.0.1 from now on. */
  leadTo(port: number): void
}

/** A test, or what stands for all tests of a file: hooks have none. */
export interface Teardowns {
  teardown(undo: () => unknown): void
}

export interface AcmeServerOptions {
  /** Hostnames that lead to the port of `leadTo`. */
  readonly hostnames: readonly string[]
  /** Hostnames that lead to an address where nobody listens. */
  readonly astray?: readonly string[]
}

/** @throws when Caddy or one of those is missing, or namespaces are not allowed: nothing is skipped */
export async function acmeServer(
  t: Teardowns,
  { hostnames, astray = [] }: AcmeServerOptions,
): Promise<AcmeServer> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-acme-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const [wayIn, wayOut] = [join(directory, 'in.sock'), join(directory, 'out.sock')]
  writeFileSync(
    join(directory, 'hosts'),
    `127.0.0.1 localhost ${hostnames.join(' ')}\n127.0.0.2 nobody ${astray.join(' ')}\n`,
  )
  writeFileSync(join(directory, 'Caddyfile'), caddyfile(directory, wayIn, wayOut))

  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user']
  const script =
    'mount --bind "$1/hosts" /etc/hosts && ip link set lo up && exec setpriv --pdeathsig KILL caddy run --config "$1/Caddyfile"'
  const namespaces = ['--net', '--mount', ...asRoot]
  const caddy = spawn('unshare', [...namespaces, 'sh', '-c', script, 'sh', directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, HOME: directory, XDG_DATA_HOME: directory },
  })
  let said = ''
  caddy.stderr.setEncoding('utf8').on('data', text => {
    said += text
  })
  const ended = once(caddy, 'exit')
  t.teardown(async () => {
    caddy.kill('SIGKILL')
    await ended
  })

  let port: number | null = null
  await relay(t, wayOut, () => (port === null ? null : connect(port, '127.0.0.1')))
  const root = join(directory, 'caddy/pki/authorities/local/root.crt')
  await until('the ACME server answers', async () => {
    if (caddy.exitCode !== null)
      throw new Error(`no ACME server could be started in a network of its own:\n${said}`)
    return existsSync(root) && existsSync(wayIn)
  })
  const front = await relay(t, 0, () => connect(wayIn))
  return {
    directory: `https://localhost:${(front.address() as AddressInfo).port}/acme/local/directory`,
    ca: readFileSync(root, 'utf8'),
    leadTo: to => {
      port = to
    },
  }
}

function caddyfile(directory: string, wayIn: string, wayOut: string): string {
  return `{
  admin off
  storage file_system ${directory}/caddy
  skip_install_trust
  auto_https disable_redirects
}
https://localhost {
  bind unix/${wayIn}
  tls internal
  acme_server
}
http:// {
  bind 127.0.0.1
  reverse_proxy unix/${wayOut} {
    transport http {
      keepalive off
    }
  }
}
`
}

/** Hands every connection on. @param at a port of 127.0.0.1, or the path of a socket */
async function relay(t: Teardowns, at: number | string, open: () => Socket | null): Promise<Server> {
  const sockets = new Set<Socket>()
  const server = createServer(from => {
    const to = open()
    if (to === null) return void from.destroy()
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  if (typeof at === 'number') server.listen(at, '127.0.0.1')
  else server.listen(at)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return server
}
