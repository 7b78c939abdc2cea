// From a browser that insists on HTTPS to a container: the real HAProxy, a real ACME authority, files as people have
// them.
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import test from 'ava'
import { type AcmeServer, acmeServer } from '../support/acme-server.ts'
import { makeAuthority } from '../support/certificate.ts'
import { type Checkout, type Finished, startGateway, type TestGateway } from '../support/gateway.ts'
import { endHaproxy, freePort } from '../support/haproxy.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { startTlsLoad } from '../support/tls-load.ts'
import { until } from '../support/until.ts'

const ORDERED = 'ordered.example.com'
const GIVEN = 'given.example.com'
const UNTIL = /^Certificate: valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/m

const undo = new AsyncDisposableStack()
let gateway: TestGateway
let registry: TestRegistry
let authority: AcmeServer
let app: Checkout
let https: number

test.before(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-tls-'))
  undo.defer(() => rmSync(directory, { recursive: true, force: true }))
  const teardown = (work: () => unknown) => undo.defer(async () => void (await work()))
  authority = await acmeServer({ teardown }, { hostnames: [ORDERED] })
  const ca = join(directory, 'ca.pem')
  writeFileSync(ca, authority.ca)
  https = await freePort()
  const environment = {
    FAIRLEAD_HTTPS: `127.0.0.1:${https}`,
    FAIRLEAD_ACME: authority.directory,
    FAIRLEAD_ACME_EMAIL: 'ops@example.com',
    FAIRLEAD_ACME_CA: ca,
  }
  registry = await startRegistry({ anonymous: true })
  undo.defer(() => registry.stop())
  gateway = await startGateway({ environment })
  undo.defer(() => gateway.dispose())
  authority.leadTo(gateway.http)

  await registry.push('acme/shell', 'latest', { files: { '/www/index.html': 'over TLS' } })
  app = await gateway.app({ Procfile: 'web: exec busybox httpd -f -p "$PORT" -h /www\n' })
  const set = await fairlead(['config:set', `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/shell`])
  if (set.status !== 0) throw new Error(set.all)
  const push = await app.push()
  if (push.status !== 0) throw new Error(push.all)
})
test.after.always(() => undo.disposeAsync())

const fairlead = (words: readonly string[], stdin?: string): Promise<Finished> =>
  gateway.fairlead([...words, '--app', app.name], stdin === undefined ? {} : { stdin })

/** What a browser gets that trusts this authority and no other. */
async function ask(hostname: string, ca: string): Promise<{ body: string; serial: string }> {
  const headers = { host: hostname }
  const asking = request({ host: '127.0.0.1', port: https, servername: hostname, headers, ca, agent: false })
  asking.end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const { serialNumber: serial } = (answer.socket as TLSSocket).getPeerCertificate()
  return { body: await text(answer), serial }
}

/** What a browser gets that begins with HTTP. `led`: whether it was sent on to HTTPS. */
async function followed(hostname: string, ca: string): Promise<{ led: boolean; body: string }> {
  const asking = requestHttp({ port: gateway.http, headers: { host: hostname }, agent: false })
  asking.end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const body = await text(answer)
  if (answer.headers.location === undefined) return { led: false, body }
  return { led: true, body: (await ask(hostname, ca)).body }
}

test.serial(
  'whoever trusts what endpoints:ca prints reaches the app, before and after a restart',
  async t => {
    const created = await fairlead(['endpoints:create', '--tls', 'internal'])
    t.is(created.status, 0, created.all)
    t.regex(created.stdout, UNTIL)
    const printed = await gateway.fairlead(['endpoints:ca'])
    t.is(printed.status, 0, printed.all)
    const hostname = `${app.app}.${app.environment}.localhost`
    const first = await ask(hostname, printed.stdout)
    t.is(first.body, 'over TLS')
    await gateway.crash()
    await gateway.restart()
    t.deepEqual(await ask(hostname, printed.stdout), first)
    t.is((await gateway.fairlead(['endpoints:ca'])).stdout, printed.stdout)
    await t.throwsAsync(ask(hostname, authority.ca), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  },
)

test.serial('a router that lost everything is given the same certificate again', async t => {
  const hostname = `${app.app}.${app.environment}.localhost`
  const ca = (await gateway.fairlead(['endpoints:ca'])).stdout
  const before = await ask(hostname, ca)
  const directory = join(gateway.data, 'router')
  await gateway.stop()
  await endHaproxy(join(directory, 'haproxy.pid'))
  rmSync(directory, { recursive: true })
  await gateway.restart()
  const after = await until('the app is reached again', async () => {
    const answer = await ask(hostname, ca).catch(() => null)
    return answer?.body === before.body && answer
  })
  t.is(after.serial, before.serial)
})

test.serial('a certificate is ordered while the endpoint is made', async t => {
  const created = await fairlead(['endpoints:create', ORDERED, '--tls', 'acme'])
  t.is(created.status, 0, created.all)
  t.regex(created.stdout, UNTIL)
  const host = new URL(authority.directory).host
  const { stdout } = created
  t.true(
    stdout.includes(`-----> Ordering a certificate for ${ORDERED} from ${host}\n`) &&
      stdout.includes(`       ${ORDERED} proved to be ours\n`) &&
      stdout.includes(`       The certificate of ${ORDERED} is in place\n`),
    stdout,
  )
  t.is((await ask(ORDERED, authority.ca)).body, 'over TLS')
})

test.serial('an endpoint whose name does not lead here yet says what it waits for', async t => {
  const created = await fairlead(['endpoints:create', 'astray.example.com', '--tls', 'acme'])
  t.is(created.status, 0, created.all)
  const waits = /waiting: localhost:\d+ could not reach astray\.example\.com over HTTP; asked again from 20/
  t.regex(created.stdout, waits)
  t.regex(created.stdout, /^ {7}It ended at step 2 of 3: astray\.example\.com was not proved to be ours$/m)
  t.regex(created.stdout, /^ {7}What to do: {4}Let astray\.example\.com point to the public address/m)
  t.regex((await fairlead(['endpoints'])).stdout, waits)
  await t.throwsAsync(ask('astray.example.com', authority.ca))
})

test.serial('a given file is served, and one that does not fit makes no endpoint', async t => {
  const company = makeAuthority()
  const other = company.issue('DNS:other.example.com')
  const refused = await fairlead(['endpoints:create', GIVEN, '--tls', '-'], other.cert + other.key)
  t.is(refused.status, 1, refused.all)
  t.regex(
    refused.stderr,
    /The certificate in the file cannot be used for given\.example\.com \(endpoint-refused\)/,
  )
  t.regex(refused.stderr, /It is for other\.example\.com\./)
  t.notRegex((await fairlead(['endpoints'])).stdout, /given\.example\.com/)

  const { cert, key } = company.issue(`DNS:${GIVEN}`)
  const created = await fairlead(['endpoints:create', GIVEN, '--tls', '-'], cert + key)
  t.is(created.status, 0, created.all)
  t.regex(created.stdout, /The certificate ends on .* UTC, and the gateway cannot renew it\./)
  t.is((await ask(GIVEN, company.cert)).body, 'over TLS')
  t.is((await fairlead(['endpoints:destroy', GIVEN])).status, 0)
  await t.throwsAsync(ask(GIVEN, company.cert))
})

test.serial(
  'a given certificate is replaced while people ask: the old one, then the new one, and no failure',
  async t => {
    const company = makeAuthority()
    const [first, second] = [company.issue(`DNS:${GIVEN}`), company.issue(`DNS:${GIVEN}`)]
    const created = await fairlead(['endpoints:create', GIVEN, '--tls', '-'], first.cert + first.key)
    t.is(created.status, 0, created.all)

    const load = startTlsLoad({ host: '127.0.0.1', port: https }, GIVEN, [company.cert])
    t.teardown(() => load.stop())
    await until('the old one was shown', async () => load.answers.fresh > 5 && load.answers.kept > 5)
    const file = join(gateway.data, 'next.pem')
    writeFileSync(file, second.cert + first.key)
    const refused = await fairlead(['endpoints:modify', GIVEN, '--tls', file])
    t.is(refused.status, 1, refused.all)
    t.regex(refused.stderr, /Its private key does not belong to its certificate\./)
    t.is(load.shown.length, 1)

    writeFileSync(file, second.cert + second.key)
    const modified = await fairlead(['endpoints:modify', GIVEN, '--tls', file])
    rmSync(file)
    t.is(modified.status, 0, modified.all)
    t.regex(modified.stdout, /^Endpoint https:\/\/given\.example\.com:\d+\/ modified: tls file\.$/m)
    t.regex(modified.stdout, /^web\.1 answers there now, on port 5000\.$/m)
    const { fresh, kept } = load.answers
    await until(
      'the new one was shown',
      async () => load.answers.fresh > fresh + 5 && load.answers.kept > kept + 5,
    )
    await load.stop()
    t.deepEqual([...load.failures], [])
    const serials = [first, second].map(({ cert }) => new X509Certificate(cert).serialNumber)
    t.deepEqual(load.shown, serials)
    const operations = await fairlead(['operations'])
    t.regex(operations.stdout, /endpoint .*given\.example\.com: tls file/)
  },
)

test.serial('TLS changes from one kind to another, and not where an authority refuses', async t => {
  const refused = await fairlead(['endpoints:modify', GIVEN, '--tls', 'acme'])
  t.is(refused.status, 1, refused.all)
  t.regex(refused.stderr, /It ended at step 2 of 3: given\.example\.com was not proved to be ours/)
  t.regex(
    refused.stderr,
    /What runs now: given\.example\.com is answered as before: tls file, certificate valid/,
  )

  const internal = await fairlead(['endpoints:modify', ORDERED, '--tls', 'internal'])
  t.is(internal.status, 0, internal.all)
  const ca = (await gateway.fairlead(['endpoints:ca'])).stdout
  t.is((await ask(ORDERED, ca)).body, 'over TLS')
  const ordered = await fairlead(['endpoints:modify', ORDERED, '--tls', 'acme'])
  t.is(ordered.status, 0, ordered.all)
  t.regex(ordered.stderr, /ordered\.example\.com proved to be ours/)
  t.is((await ask(ORDERED, authority.ca)).body, 'over TLS')

  const off = await fairlead(['endpoints:modify', ORDERED, '--tls', 'off'])
  t.is(off.status, 0, off.all)
  await t.throwsAsync(ask(ORDERED, authority.ca))
  t.false(existsSync(join(gateway.data, 'router/certificates', `${ORDERED}.pem`)))
  t.deepEqual(await followed(ORDERED, ca), { led: false, body: 'over TLS' })
})

test.serial('whoever is sent on to HTTPS finds the certificate there', async t => {
  const ca = (await gateway.fairlead(['endpoints:ca'])).stdout
  const answers = new Map<boolean, number>()
  const failures: unknown[] = []
  let going = true
  const asking = (async () => {
    while (going) {
      const { led, body } = await followed(ORDERED, ca).catch(error => ({ led: false, body: error }))
      if (body === 'over TLS') answers.set(led, (answers.get(led) ?? 0) + 1)
      else failures.push(body)
    }
  })()
  t.teardown(() => {
    going = false
    return asking
  })
  await until('it is answered over HTTP', async () => (answers.get(false) ?? 0) > 5)
  const modified = await fairlead(['endpoints:modify', ORDERED, '--tls', 'internal'])
  t.is(modified.status, 0, modified.all)
  await until('it is answered over HTTPS', async () => (answers.get(true) ?? 0) > 5)
  going = false
  await asking
  t.deepEqual(failures, [])
})

test.serial(
  'a private key that a gateway left behind which was killed is gone with the next start',
  async t => {
    await gateway.crash()
    const left = join(gateway.data, 'router/certificates/gone.example.com.pem')
    const { cert, key } = makeAuthority().issue('DNS:gone.example.com')
    writeFileSync(left, cert + key, { mode: 0o600 })
    await gateway.restart()
    await until('it is gone', async () => !existsSync(left))
    t.true(existsSync(join(gateway.data, 'router/certificates', `${GIVEN}.pem`)))
  },
)

test.serial('no key is in the log', t => {
  t.false(gateway.log().includes('PRIVATE KEY'))
})
