// A router in memory, for tests of what decides about routes. It passes the suite that the real one passes.
import type { Hostname } from '../../src/domain/endpoint.ts'
import type { Route, Router, Server } from '../../src/domain/router.ts'
import type { Secret } from '../../src/domain/secret.ts'

export interface FakeRouter extends Router {
  /** Thrown by every call from now on; null for none. */
  failure: Error | null
  /** Every change of routes, as a line: `update a.example → 10.0.0.1:80`. */
  readonly told: string[]
  readonly certificates: ReadonlyMap<Hostname, Secret>
  readonly challenges: ReadonlyMap<string, string>
  /** Where a request for this hostname would go now; null for an answer of the router's own. Takes turns. */
  pick(hostname: string): Server | null
  /** A request that stays under way until it is ended or cut. */
  open(hostname: string): OpenRequest
  /** It does not run any more, until it is told everything. */
  vanish(): void
}

export interface OpenRequest {
  readonly address: string
  readonly ended: Promise<void>
  end(): void
}

export function fakeRouter(): FakeRouter {
  const routes = new Map<Hostname, Route>()
  const certificates = new Map<Hostname, Secret>()
  const challenges = new Map<string, string>()
  const open = new Set<OpenRequest>()
  const told: string[] = []
  let turn = 0
  let runs = false

  const admit = async (signal: AbortSignal) => {
    signal.throwIfAborted()
    if (router.failure !== null) throw router.failure
  }
  const place = (route: Route) => {
    for (const other of [...routes.values()]) {
      if (other.slot === route.slot) routes.delete(other.hostname)
    }
    routes.set(route.hostname, { ...route, servers: [...route.servers] })
  }
  const note = (word: string, some: readonly Route[]) => {
    const shown = some.map(({ hostname, servers }) => {
      const addresses = servers.map(({ address, port }) => `${address}:${port}`)
      return `${hostname} → ${addresses.join(' ') || 'down'}`
    })
    told.push([word, ...shown].join(' '))
  }
  const pick = (hostname: string) => {
    const servers = routes.get(hostname as Hostname)?.servers ?? []
    turn += 1
    return servers[turn % servers.length] ?? null
  }

  const router: FakeRouter = {
    failure: null,
    told,
    certificates,
    challenges,
    pick,
    open: hostname => {
      const server = pick(hostname)
      if (server === null) throw new Error(`nothing answers for ${hostname}`)
      const { promise: ended, resolve } = Promise.withResolvers<void>()
      const end = () => {
        open.delete(request)
        resolve()
      }
      const request: OpenRequest = { address: server.address, ended, end }
      open.add(request)
      return request
    },
    answers: async signal => {
      await admit(signal)
      return runs
    },
    vanish: () => {
      runs = false
    },
    update: async (some, signal) => {
      await admit(signal)
      note('update', some)
      runs = true
      for (const route of some) place(route)
    },
    replace: async (some, signal) => {
      await admit(signal)
      note('replace', some)
      runs = true
      routes.clear()
      for (const route of some) place(route)
    },
    remove: async (hostname, signal) => {
      await admit(signal)
      told.push(`remove ${hostname}`)
      routes.delete(hostname)
    },
    seen: async signal => {
      await admit(signal)
      return [...routes.values()].sort((one, other) => one.slot - other.slot)
    },
    underWay: async (addresses, signal) => {
      await admit(signal)
      return [...open].filter(({ address }) => addresses.has(address)).length
    },
    cut: async (addresses, signal) => {
      await admit(signal)
      for (const request of [...open]) if (addresses.has(request.address)) request.end()
    },
    putCertificate: async (hostname, pem, signal) => {
      await admit(signal)
      certificates.set(hostname, pem)
    },
    removeCertificate: async (hostname, signal) => {
      await admit(signal)
      certificates.delete(hostname)
    },
    keptCertificates: async signal => {
      await admit(signal)
      return [...certificates.keys()]
    },
    answerChallenge: async (token, answer, signal) => {
      await admit(signal)
      challenges.set(token, answer)
    },
    forgetChallenge: async (token, signal) => {
      await admit(signal)
      challenges.delete(token)
    },
  }
  return router
}
