// What an endpoint is to be, read from the words of `endpoints:create` and `endpoints:modify`.
import { type App, formatAppName } from '../domain/app.ts'
import {
  defaultHostname,
  type EndpointTls,
  type Hostname,
  isAnothers,
  isRequestPath,
  parseHostname,
} from '../domain/endpoint.ts'
import { may } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import { isProcessName } from '../domain/procfile.ts'
import type { NewEndpoint } from '../store/endpoints.ts'
import { shorten, text, usage } from './call.ts'
import type { AppCall, Command } from './command.ts'

/** @throws Problem `usage`, `name-invalid`, `name-taken`, `endpoint-refused` */
export function readWish(command: Command, call: AppCall): NewEndpoint {
  const { app, words, options, gateway } = call
  const port = readPort(command, text(options.port))
  const path = readPath(command, text(options.path))
  const service = text(options.service) ?? usualService(call)
  if (!isProcessName(service)) throw usage(command, '--service is the name of a process, for example web.')
  const hostname = readHostname(words[0], app, gateway.settings.domain)
  const tls = readTls(command, text(options.tls))
  refuseTaken(hostname, call)
  return { hostname, service, port, path, tls }
}

/** @returns null for none. @throws Problem `usage` */
export function readPort(command: Command, word: string | undefined): number | null {
  if (word === undefined) return null
  if (/^[1-9]\d{0,4}$/.test(word) && Number(word) < 65_536) return Number(word)
  throw usage(command, '--port is a number from 1 to 65535.')
}

/** @returns null for none. @throws Problem `usage` */
export function readPath(command: Command, word: string | undefined): string | null {
  if (word === undefined) return null
  if (isRequestPath(word)) return word
  throw usage(command, '--path begins with a slash and is written as in a URL, for example /health.')
}

/** Without `--service`: `web`, or the only process that the live release has. */
function usualService({ gateway, app }: AppCall): string {
  const processes = gateway.ground.store.releases.live(app.id)?.processes ?? []
  const [only] = processes
  return only !== undefined && processes.length === 1 ? only.name : 'web'
}

/** @throws Problem `usage` */
export function readTls(command: Command, word = 'off'): EndpointTls {
  if (word === '-') return 'file'
  if (word === 'off' || word === 'internal' || word === 'acme') return word
  throw usage(
    command,
    `--tls is off, internal, acme or a file. Only the CLI can read a file of yours: over plain ssh, use --tls - < FILE.`,
  )
}

function readHostname(word: string | undefined, app: App, domain: Hostname): Hostname {
  const hostname = word === undefined ? defaultHostname(app.name, domain) : parseHostname(word)
  if (hostname === null) {
    throw new Problem('name-invalid', {
      headline:
        word === undefined
          ? `The hostname that ${formatAppName(app.name)} would get below ${domain} is too long`
          : `${shorten(word)} is no hostname`,
      hint: 'Write one in lower case, of at most 253 letters, digits, dots and hyphens, without a port: shop.example.com. Names with other letters are written as xn--….',
    })
  }
  if (isAnothers(hostname, app.name, domain)) {
    throw new Problem('endpoint-refused', {
      headline: `${hostname} is kept for another app than ${formatAppName(app.name)}`,
      saw: `Below ${domain}, the last two labels before it name the app that may have a hostname.`,
      hint: `Leave the hostname out, for ${app.name.app}.${app.name.environment}.${domain}, or take one that is not below ${domain}.`,
    })
  }
  return hostname
}

/** Whose it is, is told only to those who may see that app. @throws Problem `name-taken` */
export function refuseTaken(hostname: Hostname, { gateway, actor, app }: AppCall): void {
  const { store } = gateway.ground
  const taken = store.endpoints.byHostname(hostname)
  if (taken === null) return
  const owner = store.apps.byId(taken.appId)
  const seen = owner !== null && may(actor, 'app:see', owner.environmentId)
  const whose =
    taken.appId === app.id ? 'this app' : seen ? formatAppName(owner.name) : 'an app of this gateway'
  throw new Problem('name-taken', {
    headline: `${hostname} is an endpoint of ${whose} already`,
    hint:
      taken.appId === app.id
        ? `\`fairlead endpoints\` shows it, and \`fairlead endpoints:modify ${hostname}\` changes it.`
        : 'Choose another hostname, or have whoever has this one destroy the endpoint.',
  })
}
