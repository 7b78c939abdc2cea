// The real docker-registry on a free loopback port, and images pushed into it over its HTTP API without an engine.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import { busyboxLayer } from './busybox-layer.ts'

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
}

export interface TestRegistry {
  /** `127.0.0.1:PORT`, as it stands in an image name. */
  readonly host: string
  /** Both are '' for an anonymous registry. */
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
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
const HOST_PLATFORM = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch }

export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-registry-'))
  const username = options.anonymous ? '' : (options.username ?? 'robot')
  const password = options.anonymous ? '' : (options.password ?? 'correct horse battery staple')
  writeFileSync(join(directory, 'config.json'), JSON.stringify(configuration(directory, options.anonymous)))
  if (!options.anonymous) {
    const file = execFileSync('/usr/bin/htpasswd', ['-niB', username], { input: password })
    writeFileSync(join(directory, 'htpasswd'), file)
  }

  // The kernel ends the registry with the thread that started it, even one that is killed and cannot clean up.
  const child = spawn(
    '/usr/bin/setpriv',
    ['--pdeathsig', 'KILL', '/usr/bin/docker-registry', 'serve', join(directory, 'config.json')],
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
  const host = `127.0.0.1:${port}`
  const upload = uploader(`http://${host}/v2`, options.anonymous ? null : `${username}:${password}`)
  return {
    host,
    username,
    password,
    stop,
    push: async (repository, tag, image = {}) => (await pushImage(upload, repository, tag, image)).digest,
    async pushList(repository, tag, images) {
      const manifests = []
      for (const image of images) manifests.push(await pushImage(upload, repository, null, image))
      const list = { schemaVersion: 2, mediaType: MANIFEST_LIST, manifests }
      return upload.manifest(repository, tag, MANIFEST_LIST, Buffer.from(JSON.stringify(list)))
    },
  }
}

function configuration(directory: string, anonymous = false) {
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'test' },
    ...(!anonymous && { auth: { htpasswd: { realm: 'test', path: join(directory, 'htpasswd') } } }),
  }
}

/** Reads the log until it names the port, and goes on draining it. Null when the process ends before. */
function listeningPort(log: NodeJS.ReadableStream): Promise<string | null> {
  return new Promise(resolve => {
    const lines = createInterface({ input: log })
    lines.on('line', line => {
      const match = /listening on 127\.0\.0\.1:(\d+)/.exec(line)
      if (match?.[1]) resolve(match[1])
    })
    lines.on('close', () => resolve(null))
  })
}

type Uploader = ReturnType<typeof uploader>

function uploader(base: string, login: string | null) {
  async function call(url: string, init: RequestInit & { expect: number[] }): Promise<Response> {
    const headers = new Headers(init.headers)
    if (login !== null) headers.set('authorization', `Basic ${Buffer.from(login).toString('base64')}`)
    const response = await fetch(url, { ...init, headers })
    const body = init.method === 'HEAD' ? '' : await response.text()
    if (!init.expect.includes(response.status)) {
      throw new Error(`${init.method} ${url}: ${response.status} ${body}`)
    }
    return response
  }
  return {
    async blob(repository: string, content: Buffer): Promise<{ digest: string; size: number }> {
      const descriptor = { digest: digestOf(content), size: content.length }
      const known = await call(`${base}/${repository}/blobs/${descriptor.digest}`, {
        method: 'HEAD',
        expect: [200, 404],
      })
      if (known.status === 200) return descriptor
      const begun = await call(`${base}/${repository}/blobs/uploads/`, { method: 'POST', expect: [202] })
      const target = new URL(begun.headers.get('location') ?? '', base)
      target.searchParams.set('digest', descriptor.digest)
      await call(target.href, {
        method: 'PUT',
        body: new Uint8Array(content),
        headers: { 'content-type': 'application/octet-stream' },
        expect: [201],
      })
      return descriptor
    },
    async manifest(repository: string, name: string, type: string, content: Buffer): Promise<string> {
      await call(`${base}/${repository}/manifests/${name}`, {
        method: 'PUT',
        body: new Uint8Array(content),
        headers: { 'content-type': type },
        expect: [201],
      })
      return digestOf(content)
    },
  }
}

/** @param tag null stores the manifest under its digest only */
async function pushImage(upload: Uploader, repository: string, tag: string | null, image: TestImage) {
  const tar = await busyboxLayer(image.files)
  const platform = image.platform ?? HOST_PLATFORM
  const config = Buffer.from(
    JSON.stringify({
      ...platform,
      created: '1970-01-01T00:00:00Z',
      config: {
        Cmd: image.cmd ?? null,
        Entrypoint: image.entrypoint ?? null,
        Env: ['PATH=/bin', ...Object.entries(image.env ?? {}).map(([name, value]) => `${name}=${value}`)],
        ExposedPorts: Object.fromEntries((image.expose ?? []).map(port => [`${port}/tcp`, {}])),
      },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'busybox' }],
    }),
  )
  const layer = await upload.blob(repository, gzipSync(tar, { level: 1 }))
  const configuration = await upload.blob(repository, config)
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...configuration },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', ...layer }],
    }),
  )
  const digest = await upload.manifest(repository, tag ?? digestOf(manifest), MANIFEST, manifest)
  return { mediaType: MANIFEST, size: manifest.length, digest, platform }
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
