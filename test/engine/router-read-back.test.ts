// That HAProxy takes a command is no sign that it does it: what it does then is read back, and compared with what was wanted.
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Route, Server } from '../../src/domain/router.ts'
import { Secret } from '../../src/domain/secret.ts'
import { backendServer } from '../support/backend-server.ts'
import { caughtProblem } from '../support/caught-problem.ts'
import { deafHaproxy } from '../support/deaf-haproxy.ts'
import { realRouter } from '../support/haproxy.ts'
import { certificateFor } from '../support/hostname-certificate.ts'
import { name } from '../support/route.ts'
import { askRouted } from '../support/routed.ts'

const { signal } = new AbortController()
const route = (hostname: string, slot: number, server: Server, secure = false): Route => ({
  hostname: name(hostname),
  slot,
  servers: [{ address: server.address, port: server.port }],
  secure,
})

/** With a.example routed to the first server, and a router that tells HAProxy through a socket which may be deaf. */
async function bench(t: ExecutionContext) {
  const real = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.6.1'), await backendServer(t, '127.0.6.2')]
  await real.router.replace([route('a.example', 0, one)], signal)
  await real.router.close()
  const deaf = await deafHaproxy(t, join(real.directory, 'master.sock'))
  return { ...real, one, other, deaf, router: real.again({ masterSocket: deaf.socket }) }
}

test('a switch that HAProxy did not make is a Problem with what was wanted, seen and told, and is made the next time', async t => {
  const { router, http, one, other, deaf } = await bench(t)
  deaf.deafTo = /state ready/
  const { code, headline, saw } = await caughtProblem(router.update([route('a.example', 0, other)], signal))
  t.is(code, 'router-failed')
  t.is(headline, 'HAProxy does not do what it was told')
  const [wanted, seen, told] = (saw ?? '').split('\n')
  t.is(wanted, `Wanted: a.example in slot 0 to ${other.address}:${other.port}`)
  t.is(seen, 'Seen:   a.example in slot 0 to none')
  t.regex(told ?? '', /^Told: {3}set server fairlead_0\/s2 addr .*; set server fairlead_0\/s2 state ready; /)
  deaf.deafTo = null
  await router.update([route('a.example', 0, other)], signal)
  t.is((await askRouted(http, 'a.example')).body, other.address)
  t.is(one.requests, 0)
})

for (const [what, deafTo, wanted] of [
  ['an old container still gets requests', /state drain/, 'in slot 0 to'],
  ['a new hostname is not answered', /add map \S*hosts/, 'b.example (over HTTPS) in slot 1 to'],
  ['a hostname is not sent on to HTTPS', /add map \S*secure/, 'b.example (over HTTPS) in slot 1 to'],
] as const) {
  test(`it is noticed when ${what}`, async t => {
    const { router, other, deaf } = await bench(t)
    deaf.deafTo = deafTo
    const routes = [route('a.example', 0, other), route('b.example', 1, other, true)]
    const { headline, saw } = await caughtProblem(router.update(routes, signal))
    t.is(headline, 'HAProxy does not do what it was told')
    t.true(saw?.includes(wanted), saw)
  })
}

test('it is noticed when a hostname that was removed is still answered', async t => {
  const { router, deaf } = await bench(t)
  deaf.deafTo = /del map/
  const { headline, saw } = await caughtProblem(router.remove(name('a.example'), signal))
  t.is(headline, 'HAProxy does not do what it was told')
  t.regex(saw ?? '', /^Wanted: nothing\nSeen: {3}a\.example in slot 0 to none\n/)
})

test('it is noticed when HAProxy does not use a certificate', async t => {
  const { router, deaf } = await bench(t)
  const { pem } = certificateFor(name('a.example'))
  deaf.deafTo = /add ssl crt-list/
  const put = () => router.putCertificate(name('a.example'), new Secret(pem), signal)
  t.is((await caughtProblem(put())).headline, 'HAProxy does not use the certificate for a.example')
  deaf.deafTo = null
  await t.notThrowsAsync(put())
})
