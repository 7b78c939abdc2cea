// The endpoints of an app: under which hostnames requests reach its services.
import { isReached } from '../deploy/routing.ts'
import { type Endpoint, parseHostname } from '../domain/endpoint.ts'
import { Problem } from '../domain/problem.ts'
import { Secret } from '../domain/secret.ts'
import { shorten } from './call.ts'
import type { AppCall, Command } from './command.ts'
import { unknownService, urlOf, whatAnswers } from './endpoint-report.ts'
import { readWish, refuseTaken } from './endpoint-wish.ts'
import { wholeText } from './first-line.ts'

/** Bytes: a key and a chain have a few thousand. */
const MAX_PEM = 256 * 1024

const create: Command = {
  name: 'endpoints:create',
  summary: 'Have requests for a hostname reach a service',
  usage: '[HOSTNAME]',
  words: { most: 1 },
  options: {
    service: { type: 'string', value: 'NAME', help: 'the process that answers (default web)' },
    port: { type: 'string', value: 'N', help: 'its port (default: the lowest EXPOSEd one, else PORT)' },
    path: { type: 'string', value: 'PATH', help: 'what has to answer before a new container serves' },
    tls: {
      type: 'string',
      value: 'KIND',
      help: 'off (default), internal, acme, or a PEM file with certificate and key',
    },
  },
  scope: 'app',
  action: 'endpoint:manage',
  recorded: { first: 1 },
  async run(call) {
    const { gateway, session, app, authorised, output } = call
    const { ground, settings } = gateway
    const wish = readWish(create, call)
    refuseStack(call)
    if (wish.tls !== 'off' && settings.https === null) throw withoutHttps()
    const pem = wish.tls === 'file' ? new Secret(await wholeText(call.stdin, MAX_PEM)) : null
    const admitted = admit(call, wish, pem)
    await gateway.routing.answering(session.signal)

    // The router may have taken its time to start, and the file to come: asked now, of who may now.
    authorised()
    refuseTaken(wish.hostname, call)
    const endpoint = ground.store.endpoints.create(app.id, wish) // The commit point: the router follows.
    output.line(`Endpoint ${urlOf(endpoint, settings)} created for ${endpoint.service}.`)
    for (const line of admitted.warnings) output.line(` !     ${line}`)
    const unknown = unknownService(gateway, app, endpoint)
    if (unknown !== null) output.line(unknown)
    await followed(call, endpoint, async () => {
      await ground.routing.follow(app, session.signal)
      if (endpoint.tls !== 'off') await ground.certificates?.ensure(endpoint, session.signal, admitted.given)
    })
    const certificate = ground.certificates?.describe(endpoint) ?? null
    if (certificate !== null) output.line(`Certificate: ${certificate}.`)
    if (unknown === null) output.line(await whatAnswers(gateway, app, endpoint, session.signal))
  },
}

const destroy: Command = {
  name: 'endpoints:destroy',
  aliases: ['endpoints:deprovision'],
  summary: 'Have requests for a hostname reach nothing any more',
  usage: 'HOSTNAME',
  words: { least: 1, most: 1 },
  scope: 'app',
  action: 'endpoint:manage',
  recorded: { first: 1 },
  async run(call) {
    const { gateway, session, app, words, output } = call
    const { store, routing, certificates } = gateway.ground
    const endpoint = ownEndpoint(call, words[0] ?? '')
    store.endpoints.remove(endpoint.id) // The commit point: the router follows.
    output.line(`Endpoint ${urlOf(endpoint, gateway.settings)} destroyed.`)
    await followed(call, endpoint, async () => {
      await routing.follow(app, session.signal)
      if (endpoint.tls !== 'off') await certificates?.remove(endpoint, session.signal)
    })
  },
}

export const endpointCommands: readonly Command[] = [
  {
    name: 'endpoints',
    aliases: ['endpoints:list'],
    summary: 'List the endpoints of an app',
    scope: 'app',
    action: 'app:see',
    lists: true,
    async run({ gateway, app, output }) {
      const { store, certificates } = gateway.ground
      output.rows(
        store.endpoints.of(app.id).map(endpoint => ({
          url: urlOf(endpoint, gateway.settings),
          service: endpoint.service,
          port: endpoint.port,
          path: endpoint.path,
          tls: endpoint.tls,
          certificate: certificates?.describe(endpoint) ?? null,
          created: endpoint.createdAt,
          hostname: endpoint.hostname,
        })),
        'No endpoints yet: `fairlead endpoints:create` makes one.',
      )
    },
  },
  create,
  destroy,
]

/** What was written stands: the router is told by the gateway, in its own time, when it could not be told now. */
async function followed(call: AppCall, { hostname }: Endpoint, work: () => Promise<void>): Promise<void> {
  const { gateway, session, output } = call
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    session.signal.throwIfAborted()
    gateway.log.warn({ hostname, error }, 'the router could not be told of an endpoint yet')
    output.line(` !     ${error.headline}. It is recorded, and the router follows as soon as it can be told.`)
  }
}

function admit(
  { gateway }: AppCall,
  { hostname, tls }: Pick<Endpoint, 'hostname' | 'tls'>,
  pem: Secret | null,
) {
  const { certificates } = gateway.ground
  if (certificates !== null) return certificates.admit(hostname, tls, pem)
  if (tls === 'off') return { given: null, warnings: [] }
  throw new Problem('endpoint-refused', {
    headline: 'This gateway gets no certificates',
    hint: 'Leave --tls out.',
  })
}

/** @throws Problem `endpoint-refused` */
function refuseStack({ gateway, app }: AppCall): void {
  const { stack } = gateway.ground.stack(app.stack)
  if (isReached(stack)) return
  throw new Problem('endpoint-refused', {
    headline: `The router does not reach the containers of stack ${stack.name}`,
    saw: 'Its engine is on another machine, where the addresses of containers mean something only there.',
    hint: "Use an environment on a stack of the gateway's own machine, or put a router of your own beside that engine.",
  })
}

function withoutHttps(): Problem {
  return new Problem('endpoint-refused', {
    headline: 'This gateway takes no requests over HTTPS',
    saw: 'FAIRLEAD_HTTPS is not set.',
    hint: 'An operator has to set FAIRLEAD_HTTPS, for example to 0.0.0.0:443, and to start the gateway again. Or leave --tls out.',
  })
}

/** @throws Problem `not-found` */
function ownEndpoint({ gateway, app }: AppCall, word: string): Endpoint {
  const { endpoints } = gateway.ground.store
  const hostname = parseHostname(word)
  const found = hostname === null ? null : endpoints.byHostname(hostname)
  if (found?.appId === app.id) return found
  const own = endpoints.of(app.id).map(each => each.hostname)
  throw new Problem('not-found', {
    headline: `This app has no endpoint ${shorten(word)}`,
    saw: own.length === 0 ? 'It has none.' : `It has: ${own.join(', ')}`,
    hint: '`fairlead endpoints` lists them.',
  })
}
