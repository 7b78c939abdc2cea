// Changes an endpoint while it is asked: an operation of its app.
import { type EndpointChange, modifyEndpoint } from '../deploy/modify-endpoint.ts'
import type { EndpointTls } from '../domain/endpoint.ts'
import { text, usage } from './call.ts'
import type { AppCall, Command } from './command.ts'
import { ownEndpoint } from './endpoint-lookup.ts'
import { urlOf, whatAnswers } from './endpoint-report.ts'
import { admitTls, refuseStack } from './endpoint-rules.ts'
import { readPath, readPort, readTls } from './endpoint-wish.ts'
import { withoutWaiting } from './wait-for-client.ts'

type Wish = Omit<EndpointChange, 'given'>

export const modify: Command = {
  name: 'endpoints:modify',
  summary: 'Change an endpoint in place: its certificate, its port, its path',
  usage: 'HOSTNAME',
  words: { least: 1, most: 1 },
  options: {
    port: { type: 'string', value: 'N', help: 'the port of the process' },
    'no-port': { type: 'boolean', help: 'the lowest EXPOSEd port, else PORT' },
    path: { type: 'string', value: 'PATH', help: 'what has to answer before a new container serves' },
    'no-path': { type: 'boolean', help: 'any answer below 500 on / will do' },
    tls: {
      type: 'string',
      value: 'KIND',
      help: 'off, internal, acme, or a PEM file with certificate and key',
    },
  },
  scope: 'app',
  action: 'endpoint:manage',
  recorded: { first: 1 },
  async run(call) {
    const { gateway, session, actor, app, words, authorised, output } = call
    const { ground, operations, settings } = gateway
    const wish = readChange(call)
    const { hostname } = ownEndpoint(call, words[0] ?? '')
    refuseStack(call)
    const { given, warnings } =
      wish.tls === undefined ? { given: null, warnings: [] } : await admitTls(call, hostname, wish.tls)
    const asked = describe(wish)
    const { signal } = session
    const say = withoutWaiting(session.stderr)
    const request = {
      kind: 'endpoint',
      subject: `${hostname}: ${asked}`,
      actor,
      say,
      signal,
      authorised,
    } as const
    const now = await operations.run(app, request, run =>
      modifyEndpoint(ground, app, hostname, { ...wish, given }, run),
    )
    if (now === null) {
      output.line(`Nothing changed: ${hostname} has ${asked} already.`)
      return
    }
    output.line(`Endpoint ${urlOf(now, settings)} modified: ${asked}.`)
    for (const line of warnings) output.line(` !     ${line}`)
    const certificate = ground.certificates?.describe(now) ?? null
    if (certificate !== null) output.line(`Certificate: ${certificate}.`)
    output.line(await whatAnswers(gateway, app, now, signal))
  },
}

/** @throws Problem `usage` */
function readChange({ options }: AppCall): Wish {
  const [port, path] = [readPort(modify, text(options.port)), readPath(modify, text(options.path))]
  const tls = text(options.tls)
  if (port !== null && options['no-port']) throw usage(modify, '--port and --no-port exclude each other.')
  if (path !== null && options['no-path']) throw usage(modify, '--path and --no-path exclude each other.')
  const wish = {
    ...((port !== null || options['no-port']) && { port }),
    ...((path !== null || options['no-path']) && { path }),
    ...(tls !== undefined && { tls: readTls(modify, tls) }),
  }
  if (Object.keys(wish).length === 0) {
    throw usage(modify, 'It names nothing to change: give --tls, --port, --no-port, --path or --no-path.')
  }
  return wish
}

/** `port 80, no path, tls file` */
function describe({ port, path, tls }: Wish): string {
  const part = (name: string, value: number | string | EndpointTls | null | undefined) =>
    value === undefined ? [] : [value === null ? `no ${name}` : `${name} ${value}`]
  return [...part('port', port), ...part('path', path), ...part('tls', tls)].join(', ')
}
