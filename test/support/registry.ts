// The real docker-registry on a free port, with a password, a token server or none, over TLS or not.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestCertificate } from './certificate.ts'
import { pushImage, pushList, uploader } from './registry-upload.ts'
import type { TestTokenServer } from './token-server.ts'

export interface TestImage {
  /** Contents by absolute path, mode 0755, on top of busybox. */
  readonly files?: Readonly<Record<string, string | Buffer>>
  readonly cmd?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Default: linux on this machine's architecture. Only says so: the layer is the same. */
  readonly platform?: { readonly os: string; readonly architecture: string }
  /** TCP ports. */
  readonly expose?: readonly number[]
  readonly user?: string
}

export interface TestRegistry {
  /** `127.0.0.1:PORT`, or the address that was asked for, as it stands in an image name. */
  readonly host: string
  /** Both are '' for an anonymous registry, and for one with a token server, which has the users. */
  readonly username: string
  readonly password: string
  /** @returns the manifest's digest, `sha256:…` */
  push(repository: string, tag: string, image?: TestImage): Promise<string>
  /** Pushes a manifest list with one image per platform. @returns the list's digest */
  pushList(repository: string, tag: string, images: readonly TestImage[]): Promise<string>
  stop(): Promise<void>
}

export interface TestRegistryOptions {
  readonly username?: string
  readonly password?: string
  /** No login at all. */
  readonly anonymous?: boolean
  /** Tokens of this server instead of a password. */
  readonly tokenServer?: TestTokenServer
  /** Speaks TLS with it, and TLS only. The certificate has to be for `address`. */
  readonly tls?: TestCertificate
  /** PEM of the authority behind `tls`. Default: the certificate is its own. */
  readonly ca?: string
  /** Address to bind and to be named by. Default 127.0.0.1. */
  readonly address?: string
}

export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-registry-'))
  const { address = '127.0.0.1', tls, tokenServer } = options
  const hasPassword = !options.anonymous && tokenServer === undefined
  const username = hasPassword ? (options.username ?? 'robot') : ''
  const password = hasPassword ? (options.password ?? 'correct horse battery staple') : ''
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(directory, name), content, { mode: 0o600 })
    return join(directory, name)
  }
  const settings = {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: {
      addr: `${address}:0`,
      secret: 'test',
      ...(tls && { tls: { certificate: file('cert.pem', tls.cert), key: file('key.pem', tls.key) } }),
    },
    ...(hasPassword && {
      auth: { htpasswd: { realm: 'test', path: file('htpasswd', htpasswd(username, password)) } },
    }),
    ...(tokenServer && {
      auth: {
        token: {
          realm: tokenServer.realm,
          service: tokenServer.service,
          issuer: tokenServer.issuer,
          rootcertbundle: file('tokens.pem', tokenServer.certificate),
        },
      },
    }),
  }
  const configuration = file('config.json', JSON.stringify(settings))

  // The kernel ends the registry with the thread that started it, even one that is killed and cannot clean up.
  const child = spawn(
    '/usr/bin/setpriv',
    ['--pdeathsig', 'KILL', '/usr/bin/docker-registry', 'serve', configuration],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    rmSync(directory, { recursive: true, force: true })
  }

  const port = await listeningPort(child.stderr)
  if (port === null) {
    await stop()
    throw new Error('docker-registry did not start')
  }
  const host = `${address}:${port}`
  const basic = hasPassword ? `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` : null
  const upload = uploader({
    origin: `${tls ? 'https' : 'http'}://${host}`,
    ca: options.ca ?? tls?.cert,
    authorization: repository =>
      tokenServer ? `Bearer ${tokenServer.tokenFor(repository, ['pull', 'push'])}` : basic,
  })
  return {
    host,
    username,
    password,
    stop,
    push: async (repository, tag, image = {}) => (await pushImage(upload, repository, tag, image)).digest,
    pushList: (repository, tag, images) => pushList(upload, repository, tag, images),
  }
}

function htpasswd(username: string, password: string): Buffer {
  return execFileSync('/usr/bin/htpasswd', ['-niB', username], { input: password })
}

/** Reads the log until it names the port, and goes on draining it. Null when the process ends before. */
function listeningPort(log: NodeJS.ReadableStream): Promise<string | null> {
  return new Promise(resolve => {
    const lines = createInterface({ input: log })
    lines.on('line', line => {
      const match = /listening on [0-9.]+:(\d+)/.exec(line)
      if (match?.[1]) resolve(match[1])
    })
    lines.on('close', () => resolve(null))
  })
}
