// The endpoints of an app: under which hostnames requests reach its services.
import type { Endpoint } from '../domain/endpoint.ts'
import { Problem } from '../domain/problem.ts'
import type { AppCall, Command } from './command.ts'
import { ownEndpoint } from './endpoint-lookup.ts'
import { modify } from './endpoint-modify.ts'
import { unknownService, urlOf, whatAnswers } from './endpoint-report.ts'
import { admitTls, refuseStack } from './endpoint-rules.ts'
import { readWish, refuseTaken } from './endpoint-wish.ts'

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
    const { given, warnings } = await admitTls(call, wish.hostname, wish.tls)
    await gateway.routing.answering(session.signal)

    // The router may have taken its time to start, and the file to come: asked now, of who may now.
    authorised()
    refuseTaken(wish.hostname, call)
    const endpoint = ground.store.endpoints.create(app.id, wish) // The commit point: the router follows.
    output.line(`Endpoint ${urlOf(endpoint, settings)} created for ${endpoint.service}.`)
    for (const line of warnings) output.line(` !     ${line}`)
    const unknown = unknownService(gateway, app, endpoint)
    if (unknown !== null) output.line(unknown)
    await followed(call, endpoint, async () => {
      await ground.routing.follow(app, session.signal)
      // An order takes a while, and shows how it goes on.
      const tell = endpoint.tls === 'acme' ? output.line : undefined
      if (endpoint.tls !== 'off') await ground.certificates?.ensure(endpoint, session.signal, given, tell)
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
  modify,
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
