// How a Router behaves, whatever it is made of. Called once for every driver.
import test, { type ExecutionContext } from 'ava'
import { type Hostname, parseHostname } from '../../src/domain/endpoint.ts'
import type { Route, Router, Server } from '../../src/domain/router.ts'
import { Secret } from '../../src/domain/secret.ts'
import { type CertificateOf, certificateFor } from '../support/hostname-certificate.ts'
import { until } from '../support/until.ts'

/** What a driver brings along for one test. */
export interface RouterGround {
  readonly router: Router
  /** They answer, each on an address of its own. */
  readonly servers: readonly [Server, Server, Server]
  /** What becomes of a request: the address that answered it, or an answer of the router's own. */
  ask(hostname: string): Promise<string | 'unknown' | 'down' | 'to https'>
  /** A connection that stays under way, as a websocket does. */
  hold(hostname: string): Promise<Held>
  challenge(hostname: string, token: string): Promise<string | null>
  /** Fingerprint of the certificate that is shown, null for none. */
  certificate(hostname: string): Promise<string | null>
}

export interface Held {
  readonly address: string
  readonly ended: Promise<void>
  end(): void
}

const signal = new AbortController().signal
const name = (text: string) => parseHostname(text) as Hostname

export function routerConformance(
  driver: string,
  prepare: (t: ExecutionContext) => Promise<RouterGround>,
): void {
  const check = (title: string, body: (t: ExecutionContext, ground: RouterGround) => Promise<void>) =>
    test(`${driver}: ${title}`, async t => body(t, await prepare(t)))
  const route = (hostname: string, slot: number, servers: readonly Server[], secure = false): Route => ({
    hostname: name(hostname),
    slot,
    servers,
    secure,
  })

  check(
    'a hostname is answered by its servers, whatever its case, and others by nobody',
    async (t, ground) => {
      const { router, servers } = ground
      await router.update([route('a.example', 0, [servers[0]])], signal)
      t.is(await ground.ask('a.example'), servers[0].address)
      t.is(await ground.ask('b.example'), 'unknown')
      t.is(await ground.ask('x.a.example'), 'unknown')
    },
  )

  check('an update leaves other hostnames as they are', async (t, ground) => {
    const { router, servers } = ground
    await router.replace([route('a.example', 0, [servers[0]]), route('b.example', 1, [servers[1]])], signal)
    await router.update([route('b.example', 1, [servers[2]])], signal)
    t.is(await ground.ask('a.example'), servers[0].address)
    t.is(await ground.ask('b.example'), servers[2].address)
  })

  check('a replacement leaves out every hostname that it does not name', async (t, ground) => {
    const { router, servers } = ground
    await router.update([route('a.example', 0, [servers[0]]), route('b.example', 1, [servers[1]])], signal)
    await router.replace([route('b.example', 1, [servers[1]])], signal)
    t.is(await ground.ask('a.example'), 'unknown')
    t.is(await ground.ask('b.example'), servers[1].address)
    t.deepEqual(await router.seen(signal), [route('b.example', 1, [servers[1]])])
  })

  check('what is told again changes nothing', async (t, ground) => {
    const { router, servers } = ground
    const routes = [
      route('a.example', 0, [servers[0], servers[1]]),
      route('b.example', 1, [servers[2]], true),
    ]
    await router.replace(routes, signal)
    await router.replace(routes, signal)
    await router.update(routes, signal)
    t.deepEqual(await router.seen(signal), routes)
  })

  check('requests are spread over all servers of a hostname', async (t, ground) => {
    const { router, servers } = ground
    await router.update([route('a.example', 0, servers)], signal)
    const answered = new Set<string>()
    for (let each = 0; each < 12; each += 1) answered.add(await ground.ask('a.example'))
    t.deepEqual([...answered].sort(), servers.map(({ address }) => address).sort())
  })

  check('a hostname without servers is told to be down, and comes back', async (t, ground) => {
    const { router, servers } = ground
    await router.update([route('a.example', 0, [])], signal)
    t.is(await ground.ask('a.example'), 'down')
    await router.update([route('a.example', 0, [servers[1]])], signal)
    t.is(await ground.ask('a.example'), servers[1].address)
    await router.update([route('a.example', 0, [])], signal)
    t.is(await ground.ask('a.example'), 'down')
    t.deepEqual(await router.seen(signal), [route('a.example', 0, [])])
  })

  check('a secure hostname is sent on to HTTPS, until it is secure no more', async (t, ground) => {
    const { router, servers } = ground
    await router.update([route('a.example', 0, [servers[0]], true)], signal)
    t.is(await ground.ask('a.example'), 'to https')
    await router.update([route('a.example', 0, [servers[0]], false)], signal)
    t.is(await ground.ask('a.example'), servers[0].address)
  })

  check('a removed hostname is unknown, and its slot is free for another', async (t, ground) => {
    const { router, servers } = ground
    await router.update([route('a.example', 0, [servers[0]], true)], signal)
    await router.remove(name('a.example'), signal)
    await router.remove(name('a.example'), signal)
    t.is(await ground.ask('a.example'), 'unknown')
    t.deepEqual(await router.seen(signal), [])
    await router.update([route('b.example', 0, [servers[1]])], signal)
    t.is(await ground.ask('b.example'), servers[1].address)
    t.is(await ground.ask('a.example'), 'unknown')
  })

  check('a hostname takes over the slot of one that was forgotten', async (t, ground) => {
    const { router, servers } = ground
    await router.update([route('a.example', 0, [servers[0]])], signal)
    await router.update([route('b.example', 0, [servers[1]])], signal)
    t.is(await ground.ask('a.example'), 'unknown')
    t.is(await ground.ask('b.example'), servers[1].address)
  })

  check('what is under way to a server that is left out goes on until it is cut', async (t, ground) => {
    const { router, servers } = ground
    const [old, fresh] = servers
    const addresses = new Set([old.address])
    await router.update([route('a.example', 0, [old]), route('b.example', 1, [fresh])], signal)
    const held = await ground.hold('a.example')
    const other = await ground.hold('b.example')
    t.is(held.address, old.address)
    await router.update([route('a.example', 0, [fresh])], signal)
    t.is(await ground.ask('a.example'), fresh.address)
    t.is(await router.underWay(addresses, signal), 1)
    t.is(await router.underWay(new Set([old.address, fresh.address]), signal), 2)
    await router.cut(addresses, signal)
    await held.ended
    t.is(await router.underWay(addresses, signal), 0)
    t.is(await router.underWay(new Set([fresh.address]), signal), 1)
    other.end()
    await until(
      'nothing is under way',
      async () => (await router.underWay(new Set([fresh.address]), signal)) === 0,
    )
  })

  check('a server that comes back while it drains is used again', async (t, ground) => {
    const { router, servers } = ground
    const [one, other] = servers
    await router.update([route('a.example', 0, [one])], signal)
    const held = await ground.hold('a.example')
    await router.update([route('a.example', 0, [other])], signal)
    await router.update([route('a.example', 0, [one])], signal)
    t.is(await ground.ask('a.example'), one.address)
    t.is(await router.underWay(new Set([one.address]), signal), 1)
    held.end()
  })

  check('nothing is under way to addresses that were never told', async (t, { router }) => {
    t.is(await router.underWay(new Set(['192.0.2.1']), signal), 0)
    await t.notThrowsAsync(router.cut(new Set(['192.0.2.1']), signal))
  })

  check('a challenge is answered on every hostname until it is forgotten', async (t, ground) => {
    const { router, servers } = ground
    await router.update([route('a.example', 0, [servers[0]], true)], signal)
    await router.answerChallenge('to-ken_1', 'to-ken_1.print', signal)
    t.is(await ground.challenge('a.example', 'to-ken_1'), 'to-ken_1.print')
    t.is(await ground.challenge('new.example', 'to-ken_1'), 'to-ken_1.print')
    await router.forgetChallenge('to-ken_1', signal)
    await router.forgetChallenge('to-ken_1', signal)
    t.is(await ground.challenge('a.example', 'to-ken_1'), null)
  })

  check(
    'a certificate is shown for its hostname only, also a renewed one, until it is removed',
    async (t, ground) => {
      const { router } = ground
      const put = async (certificate: CertificateOf) => {
        await router.putCertificate(certificate.hostname, new Secret(certificate.pem), signal)
        return certificate.fingerprint
      }
      const first = await put(certificateFor(name('a.example')))
      t.is(await ground.certificate('a.example'), first)
      t.is(await ground.certificate('b.example'), null)
      const renewed = await put(certificateFor(name('a.example')))
      t.not(renewed, first)
      t.is(await ground.certificate('a.example'), renewed)
      const other = await put(certificateFor(name('b.example')))
      t.is(await ground.certificate('b.example'), other)
      t.deepEqual([...(await router.keptCertificates(signal))].sort(), [name('a.example'), name('b.example')])
      await router.removeCertificate(name('a.example'), signal)
      await router.removeCertificate(name('a.example'), signal)
      t.is(await ground.certificate('a.example'), null)
      t.is(await ground.certificate('b.example'), other)
      t.deepEqual(await router.keptCertificates(signal), [name('b.example')])
    },
  )

  check('a call whose signal is aborted throws its reason and changes nothing', async (t, ground) => {
    const { router, servers } = ground
    await router.update([route('a.example', 0, [servers[0]])], signal)
    const reason = new Error('cancelled')
    const aborted = AbortSignal.abort(reason)
    t.is(await t.throwsAsync(router.update([route('a.example', 0, [])], aborted)), reason)
    t.is(await t.throwsAsync(router.replace([], aborted)), reason)
    t.is(await t.throwsAsync(router.underWay(new Set(), aborted)), reason)
    t.is(await ground.ask('a.example'), servers[0].address)
  })

  check('changes that are told at once are made one after another', async (t, ground) => {
    const { router, servers } = ground
    const [one, other] = servers
    const changes = Array.from({ length: 10 }, (_, turn) =>
      router.update([route('a.example', 0, [turn % 2 === 0 ? one : other])], signal),
    )
    await Promise.all(changes)
    t.deepEqual(await router.seen(signal), [route('a.example', 0, [other])])
    t.is(await ground.ask('a.example'), other.address)
  })
}
