// Routes as tests of a router write them down.
import { type Hostname, parseHostname } from '../../src/domain/endpoint.ts'
import type { Route, Server } from '../../src/domain/router.ts'

export const name = (text: string) => parseHostname(text) as Hostname

/** Over HTTP. @param servers of which only address and port are taken */
export const route = (hostname: string, slot: number, ...servers: readonly Server[]): Route => ({
  hostname: name(hostname),
  slot,
  servers: servers.map(({ address, port }) => ({ address, port })),
  secure: false,
})
