// What is said of an endpoint: its address, and whether something answers there now.
import { answers } from '../deploy/answers.ts'
import type { App } from '../domain/app.ts'
import type { Container } from '../domain/container.ts'
import type { Endpoint } from '../domain/endpoint.ts'
import { containerLabel } from '../domain/rollout.ts'
import { serverOf } from '../domain/route.ts'
import { serves } from '../domain/service.ts'
import type { Settings } from '../settings.ts'
import type { Gateway } from './command.ts'
import { byLabel } from './containers-of.ts'

/** `http://shop.prod.localhost:8080/` */
export function urlOf(
  { hostname, tls }: Pick<Endpoint, 'hostname' | 'tls'>,
  { http, https }: Pick<Settings, 'http' | 'https'>,
): string {
  const [scheme, port, usual] = tls === 'off' ? ['http', http.port, 80] : ['https', https?.port ?? 443, 443]
  return `${scheme}://${hostname}${port === usual ? '' : `:${port}`}/`
}

/** A warning where the release that is live has no such process; null otherwise. The next one may have it. */
export function unknownService({ ground }: Gateway, app: App, { service }: Endpoint): string | null {
  const live = ground.store.releases.live(app.id)
  if (live === null || live.processes.some(({ name }) => name === service)) return null
  const has = live.processes.map(({ name }) => name).join(', ')
  return ` !     Release v${live.number} has no process ${service}, only ${has}: nothing answers before a release has it.`
}

/** One line, in a second or two. */
export async function whatAnswers(
  { ground }: Gateway,
  app: App,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<string> {
  const live = ground.store.releases.live(app.id)
  if (live === null) return 'Nothing answers there before the first push.'
  const services = ground.store.services.of(app.id)
  const serving = (await ground.stack(app.stack).engine.list(app.name, signal))
    .filter(({ labels }) => labels.process === endpoint.service && serves(labels, live, services))
    .toSorted(byLabel)
  const tried = await Promise.all(
    serving.map(async container => {
      const server = serverOf(endpoint, container)
      return {
        container,
        server,
        up: server !== null && (await answers(server.address, server.port, signal)),
      }
    }),
  )
  const up = tried.filter(each => each.up)
  const port = (up[0] ?? tried.find(({ server }) => server !== null))?.server?.port
  if (up.length > 0) {
    const labels = up.map(each => containerLabel(each.container)).join(', ')
    return `${labels} ${up.length === 1 ? 'answers' : 'answer'} there now, on port ${port}.`
  }
  if (port !== undefined)
    return `Nothing answers there now: nothing listens on port ${port} of ${endpoint.service}.`
  return `Nothing answers there now: ${whyNot(endpoint, serving)}.`
}

function whyNot({ service }: Endpoint, serving: readonly Container[]): string {
  return serving.some(({ state }) => state === 'running')
    ? `it is not known on which port ${service} listens; \`fairlead restart\` starts containers for which it is`
    : `no container of ${service} runs`
}
