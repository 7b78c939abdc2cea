// Another port, path or certificate for an endpoint, while it is asked: its hostname is never without a route, nor without
// a certificate. THE COMMIT POINT IS ITS ROW. What goes before it is undone when it fails, what comes after it follows.
//
// Requests over HTTP are sent on to HTTPS only after the certificate is there, and it is taken away only after they are not.
import type { App } from '../domain/app.ts'
import type { Certificate } from '../domain/certificate.ts'
import type { Endpoint, EndpointTls, Hostname } from '../domain/endpoint.ts'
import { Problem } from '../domain/problem.ts'
import type { Ground } from './ground.ts'
import type { Run } from './operations.ts'

/** What is left out stays as it is. */
export interface EndpointChange {
  readonly port?: number | null
  readonly path?: string | null
  readonly tls?: EndpointTls
  /** As `EndpointCertificates.admit` returned it; null for any `tls` but `file`. */
  readonly given: Certificate | null
}

/** Milliseconds for the router to be told afterwards, also when whoever asked has left. */
const PATIENCE = 30_000

/**
 * @returns as it is now, null when nothing had to be changed
 * @throws Problem `not-found` when it is gone, `certificate-failed`, and the router's: then it is as before
 */
export async function modifyEndpoint(
  ground: Ground,
  app: App,
  hostname: Hostname,
  change: EndpointChange,
  run: Run,
): Promise<Endpoint | null> {
  const { store, routing, certificates } = ground
  const { transcript, signal } = run
  const before = store.endpoints.byHostname(hostname)
  if (before?.appId !== app.id) throw destroyed(hostname)
  const { port = before.port, path = before.path, tls = before.tls, given } = change
  const needsCertificate =
    change.tls !== undefined &&
    tls !== 'off' &&
    (given !== null || tls !== before.tls || store.certificates.of(before.id) === null)
  if (!needsCertificate && port === before.port && path === before.path && tls === before.tls) return null

  let after = before
  const write = () => {
    const written = store.endpoints.modify(before.id, { port, path, tls })
    if (written === null) throw destroyed(hostname)
    after = written
  }
  try {
    await routing.ready(app, signal)
    if (needsCertificate) {
      await certificates?.exchange(before, { tls, given }, write, signal, transcript.line)
    } else {
      signal.throwIfAborted()
      write()
    }
  } catch (error) {
    throw error instanceof Problem ? error.within({ runs: asBefore(ground, before) }) : error
  }
  await follow(ground, app, before, after, run)
  return after
}

/** No failure, as for a deploy: what was written stands. */
async function follow(
  { routing, certificates, log }: Ground,
  app: App,
  before: Endpoint,
  { tls, hostname }: Endpoint,
  { transcript }: Run,
): Promise<void> {
  const patience = AbortSignal.timeout(PATIENCE)
  try {
    await routing.follow(app, patience)
    if (tls === 'off' && before.tls !== 'off') await certificates?.remove(before, patience)
  } catch (error) {
    log.warn({ hostname, error }, 'the router could not be told of an endpoint yet')
    const why = error instanceof Problem ? error.headline : 'The router does not answer in time'
    transcript.line(` !     ${why}. It is recorded, and the router follows as soon as it can be told.`)
  }
}

function asBefore({ store, certificates }: Ground, before: Endpoint): string {
  const { hostname, tls } = before
  if (store.endpoints.byHostname(hostname)?.id !== before.id) return `Nothing answers for ${hostname}.`
  const certificate = certificates?.describe(before) ?? null
  return `${hostname} is answered as before: tls ${tls}${certificate === null ? '' : `, certificate ${certificate}`}.`
}

function destroyed(hostname: Hostname): Problem {
  return new Problem('not-found', {
    headline: `The endpoint ${hostname} was destroyed while this waited`,
    hint: `\`fairlead endpoints:create ${hostname}\` makes it anew.`,
  })
}
