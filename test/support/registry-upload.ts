// Pushes images into a registry over its HTTP API, without an engine.
import { createHash } from 'node:crypto'
import * as http from 'node:http'
import * as https from 'node:https'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { busyboxLayer } from './busybox-layer.ts'
import type { TestImage } from './registry.ts'

export interface UploadTarget {
  /** With scheme, without slash at the end. */
  readonly origin: string
  /** PEM, for a registry with TLS. */
  readonly ca: string | undefined
  /** The Authorization header for a push to the repository, null for none. */
  authorization(repository: string): string | null
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
/** Bytes from which a layer is not worth the time that compressing it takes: it travels within this machine. */
const LARGE = 32 * 1024 * 1024
const HOST_PLATFORM = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch }

interface Call {
  readonly method: 'HEAD' | 'POST' | 'PUT'
  readonly repository: string
  /** Absolute, or from the origin. */
  readonly url: string
  readonly type?: string
  readonly body?: Buffer
  readonly expect: readonly number[]
}

export type Uploader = ReturnType<typeof uploader>

export function uploader(target: UploadTarget) {
  async function call(call: Call): Promise<http.IncomingMessage> {
    const { method, repository, type, body = Buffer.alloc(0), expect } = call
    const url = new URL(call.url, target.origin)
    const login = target.authorization(repository)
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method,
      headers: {
        'content-length': body.length,
        ...(type !== undefined && { 'content-type': type }),
        ...(login !== null && { authorization: login }),
      },
      ...(target.ca !== undefined && { ca: target.ca }),
    })
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request.on('response', resolve).on('error', reject).end(body)
    })
    const words = await buffer(response)
    if (!expect.includes(response.statusCode ?? 0)) {
      throw new Error(`${method} ${url.href}: ${response.statusCode} ${words}`)
    }
    return response
  }

  return {
    async blob(repository: string, content: Buffer): Promise<{ digest: string; size: number }> {
      const descriptor = { digest: digestOf(content), size: content.length }
      const blobs = `/v2/${repository}/blobs`
      const url = `${blobs}/${descriptor.digest}`
      const known = await call({ method: 'HEAD', repository, url, expect: [200, 404] })
      if (known.statusCode === 200) return descriptor
      const begun = await call({ method: 'POST', repository, url: `${blobs}/uploads/`, expect: [202] })
      const location = new URL(begun.headers.location ?? '', target.origin)
      location.searchParams.set('digest', descriptor.digest)
      const type = 'application/octet-stream'
      await call({ method: 'PUT', repository, url: location.href, type, body: content, expect: [201] })
      return descriptor
    },
    async manifest(repository: string, name: string, type: string, content: Buffer): Promise<string> {
      const url = `/v2/${repository}/manifests/${name}`
      await call({ method: 'PUT', repository, url, type, body: content, expect: [201] })
      return digestOf(content)
    },
  }
}

/** @returns the list's digest */
export async function pushList(
  upload: Uploader,
  repository: string,
  tag: string,
  images: readonly TestImage[],
): Promise<string> {
  const manifests = []
  for (const image of images) manifests.push(await pushImage(upload, repository, null, image))
  const list = { schemaVersion: 2, mediaType: MANIFEST_LIST, manifests }
  return upload.manifest(repository, tag, MANIFEST_LIST, Buffer.from(JSON.stringify(list)))
}

/** @param tag null stores the manifest under its digest only */
export async function pushImage(upload: Uploader, repository: string, tag: string | null, image: TestImage) {
  const tar = await busyboxLayer(image.files)
  const platform = image.platform ?? HOST_PLATFORM
  const config = Buffer.from(
    JSON.stringify({
      ...platform,
      created: '1970-01-01T00:00:00Z',
      config: {
        Cmd: image.cmd ?? null,
        Entrypoint: image.entrypoint ?? null,
        User: image.user ?? '',
        Env: ['PATH=/bin', ...Object.entries(image.env ?? {}).map(([name, value]) => `${name}=${value}`)],
        ExposedPorts: Object.fromEntries((image.expose ?? []).map(port => [`${port}/tcp`, {}])),
      },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'busybox' }],
    }),
  )
  const layer = await upload.blob(repository, gzipSync(tar, { level: tar.length < LARGE ? 1 : 0 }))
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
