// The Router that drives HAProxy: one writer that makes what runs agree with the routes it is told, and reads it back.

import type { Hostname } from '../domain/endpoint.ts'
import type { HostPort } from '../domain/host-port.ts'
import type { Log } from '../domain/log.ts'
import type { Router } from '../domain/router.ts'
import { createCertificates } from './certificates.ts'
import { createChallenges } from './challenges.ts'
import { routerFiles } from './files.ts'
import { inOrder } from './in-order.ts'
import { createInstance } from './instance.ts'
import { createRoutes } from './routes.ts'
import { createSessions } from './sessions.ts'
import { watch } from './watch.ts'

export interface RouterOptions {
  /** Absolute; made when it is first needed. Everything of the router lies in it. */
  readonly directory: string
  readonly http: HostPort
  /** Null: nothing is served over HTTPS. */
  readonly https: HostPort | null
  /** Path of the program, null to look where packages put it. */
  readonly binary: string | null
  /** Of an HAProxy that an operator runs over our configuration; null: the gateway starts its own. */
  readonly masterSocket: string | null
  readonly log: Log
}

export interface HaproxyRouter extends Router {
  readonly addresses: { readonly http: HostPort; readonly https: HostPort | null }
  /** Ends the watch over HAProxy; HAProxy itself goes on. */
  close(): Promise<void>
}

/** Starts nothing: HAProxy is looked for with the first route. @throws Problem `router-unreachable` for its directory */
export function createRouter(options: RouterOptions): HaproxyRouter {
  const { http, https, log } = options
  const files = routerFiles(options.directory)
  const instance = createInstance({ ...options, files })
  const routes = createRoutes(instance, log)
  const sessions = createSessions(instance)
  const certificates = createCertificates(files, instance, routes, https !== null)
  const challenges = createChallenges(files, instance, routes)
  const queue = inOrder()
  const supervisor = watch({
    socket: options.masterSocket ?? files.socket,
    mend: signal => queue(() => routes.mend(signal), signal),
    log,
  })
  /** From the first time that something is wanted of HAProxy, somebody looks after it. */
  const inTurn = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const result = await queue(work, signal)
    supervisor.begin()
    return result
  }
  return {
    addresses: { http, https },
    answers: signal => queue(async () => (await instance.running(signal)) !== null, signal),
    update: (wanted, signal) => inTurn(() => routes.update(wanted, signal), signal),
    replace: (wanted, signal) => inTurn(() => routes.replace(wanted, signal), signal),
    remove: (hostname, signal) => queue(() => routes.remove(hostname, signal), signal),
    seen: signal => queue(() => routes.seen(signal), signal),
    underWay: sessions.underWay,
    cut: sessions.cut,
    putCertificate: (hostname: Hostname, pem, signal) =>
      inTurn(() => certificates.put(hostname, pem, signal), signal),
    removeCertificate: (hostname, signal) => queue(() => certificates.remove(hostname, signal), signal),
    keptCertificates: signal => queue(() => certificates.kept(), signal),
    answerChallenge: (token, answer, signal) =>
      inTurn(() => challenges.answer(token, answer, signal), signal),
    forgetChallenge: (token, signal) => queue(() => challenges.forget(token, signal), signal),
    close: () => supervisor.close(),
  }
}
