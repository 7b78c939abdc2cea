// Images for tests of the engine, made of busybox alone: no registry is reachable where tests run.
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type Docker from 'dockerode'
import { busyboxLayer } from './busybox-layer.ts'

export interface ImportOptions {
  entrypoint?: readonly string[]
  cmd?: readonly string[]
  env?: Readonly<Record<string, string>>
  /** TCP ports. */
  expose?: readonly number[]
  user?: string
  /** What stands behind HEALTHCHECK. */
  healthcheck?: string
}

/**
 * @param tag `repository:tag`; the caller removes it
 * @returns the image's id
 */
export async function importBusybox(
  docker: Docker,
  tag: string,
  options: ImportOptions = {},
): Promise<string> {
  const colon = tag.lastIndexOf(':')
  const answer = await docker.importImage(Readable.from([await busyboxLayer()]), {
    repo: tag.slice(0, colon),
    tag: tag.slice(colon + 1),
    changes: instructions(options),
  })
  const said = await text(answer)
  const id = /"status":"(sha256:[0-9a-f]{64})"/.exec(said)?.[1]
  if (id === undefined) throw new Error(`docker import said: ${said}`)
  return id
}

function instructions({ entrypoint, cmd, env, expose, user, healthcheck }: ImportOptions): string[] {
  return [
    ...(entrypoint === undefined ? [] : [`ENTRYPOINT ${JSON.stringify(entrypoint)}`]),
    ...(cmd === undefined ? [] : [`CMD ${JSON.stringify(cmd)}`]),
    ...Object.entries(env ?? {}).map(([name, value]) => `ENV ${name}=${JSON.stringify(value)}`),
    ...(expose ?? []).map(port => `EXPOSE ${port}`),
    ...(user === undefined ? [] : [`USER ${user}`]),
    ...(healthcheck === undefined ? [] : [`HEALTHCHECK ${healthcheck}`]),
  ]
}
