// The suite of every Router, with the real HAProxy.
import { backendServer } from '../support/backend-server.ts'
import { realRouter } from '../support/haproxy.ts'
import { askRouted, shownCertificate, upgradeRouted } from '../support/routed.ts'
import { routerConformance } from './router-conformance.ts'

routerConformance('haproxy', async t => {
  const { router, http, https } = await realRouter(t)
  const serverAt = async (address: string) => ({ address, port: (await backendServer(t, address)).port })
  return {
    router,
    servers: [await serverAt('127.0.1.1'), await serverAt('127.0.1.2'), await serverAt('127.0.1.3')],
    ask: async hostname => {
      const { status, body } = await askRouted(http, hostname)
      if (status === 200) return body
      return { 404: 'unknown', 503: 'down', 308: 'to https' }[status] ?? `status ${status}`
    },
    hold: hostname => upgradeRouted(http, hostname),
    challenge: async (hostname, token) => {
      const { status, body } = await askRouted(http, hostname, `/.well-known/acme-challenge/${token}`)
      return status === 200 && body !== '127.0.1.1' ? body.trimEnd() : null
    },
    certificate: hostname => shownCertificate(https, hostname),
  }
})
