// The fake has to behave like HAProxy, or the tests that stand on it prove nothing.
import { X509Certificate } from 'node:crypto'
import type { Hostname } from '../../src/domain/endpoint.ts'
import { fakeRouter } from '../support/fake-router.ts'
import { routerConformance } from './router-conformance.ts'

routerConformance('fake', async () => {
  const router = fakeRouter()
  const { signal } = new AbortController()
  const routeOf = async (hostname: string) =>
    (await router.seen(signal)).find(route => route.hostname === hostname)
  return {
    router,
    servers: [
      { address: '10.0.0.1', port: 80 },
      { address: '10.0.0.2', port: 80 },
      { address: '10.0.0.3', port: 80 },
    ],
    ask: async hostname => {
      const route = await routeOf(hostname)
      if (route === undefined) return 'unknown'
      if (route.secure) return 'to https'
      return router.pick(hostname)?.address ?? 'down'
    },
    hold: async hostname => router.open(hostname),
    challenge: async (_hostname, token) => router.challenges.get(token) ?? null,
    certificate: async hostname => {
      const pem = router.certificates.get(hostname as Hostname)
      return pem === undefined ? null : new X509Certificate(pem.reveal()).fingerprint256
    },
  }
})
