// The endpoint that a word names, of those that the app has.
import { type Endpoint, parseHostname } from '../domain/endpoint.ts'
import { nearest } from '../domain/nearest.ts'
import { Problem } from '../domain/problem.ts'
import { shorten } from './call.ts'
import type { AppCall } from './command.ts'

/** @throws Problem `not-found` */
export function ownEndpoint({ gateway, app }: AppCall, word: string): Endpoint {
  const { endpoints } = gateway.ground.store
  const hostname = parseHostname(word)
  const found = hostname === null ? null : endpoints.byHostname(hostname)
  if (found?.appId === app.id) return found
  const own = endpoints.of(app.id).map(each => each.hostname)
  const near = nearest(word, own)
  throw new Problem('not-found', {
    headline: `This app has no endpoint ${shorten(word)}`,
    saw: own.length === 0 ? 'It has none.' : `It has: ${own.join(', ')}`,
    hint: `${near === null ? '' : `Did you mean \`${near}\`? `}\`fairlead endpoints\` lists them.`,
  })
}
