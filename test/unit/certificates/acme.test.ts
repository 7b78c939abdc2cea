// Orders from a real ACME authority, which looks for the proofs over HTTP. It is one for all tests here.
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { obtainAcme } from '../../../src/certificates/obtain-acme.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Secret } from '../../../src/domain/secret.ts'
import type { Store } from '../../../src/store/store.ts'
import { type AcmeServer, acmeServer } from '../../support/acme-server.ts'
import { caughtProblem, withText } from '../../support/caught-problem.ts'
import { opened } from '../store/opened.ts'

const HOST = 'web.example.com' as Hostname
const ASTRAY = 'astray.example.com' as Hostname
const EMAIL = 'ops@example.com'
const WELL_KNOWN = '/.well-known/acme-challenge/'

const undo = new AsyncDisposableStack()
let server: AcmeServer
test.before(async () => {
  const teardown = (work: () => unknown) => undo.defer(async () => void (await work()))
  server = await acmeServer({ teardown }, { hostnames: [HOST], astray: [ASTRAY] })
})
test.after.always(() => undo.disposeAsync())

interface Attempt {
  readonly tell?: (line: string) => void
  readonly hostname?: Hostname
  readonly email?: string
  readonly ca?: string | null
  readonly directory?: string
  readonly signal?: AbortSignal
  readonly store?: Store
  /** What the hostname leads to, in place of the router. */
  readonly answer?: RequestListener
}

/** @returns the certificate, and what the router was still told to answer in the end */
async function attempt(t: ExecutionContext, options: Attempt = {}) {
  const answers = new Map<string, string>()
  const router = {
    answerChallenge: async (token: string, answer: string) => void answers.set(token, answer),
    forgetChallenge: async (token: string) => void answers.delete(token),
  }
  const http = createServer(
    options.answer ??
      ((request, response) => {
        t.is(request.headers.host, options.hostname ?? HOST)
        t.true(request.url?.startsWith(WELL_KNOWN))
        response.end(answers.get(request.url?.slice(WELL_KNOWN.length) ?? ''))
      }),
  )
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.close()
    http.closeAllConnections()
  })
  server.leadTo((http.address() as AddressInfo).port)
  const {
    store = opened(t),
    directory = server.directory,
    email = EMAIL,
    ca = server.ca,
    hostname = HOST,
  } = options
  const ordering = { directory, email, ca, accounts: store.certificateKeys, router }
  const made = obtainAcme(ordering, hostname, options.signal ?? NEVER, () => new Date(), options.tell)
  return { made, answers }
}
const NEVER = new AbortController().signal

/** With the authority's name, of which the port is different each time, as `AUTHORITY`. */
async function trouble(t: ExecutionContext, options: Attempt) {
  const { made, answers } = await attempt(t, options)
  const problem = await caughtProblem(made)
  t.is(answers.size, 0)
  return withText(problem, new URL(server.directory).host, 'AUTHORITY')
}

test.serial(
  'a certificate is signed for a hostname that leads here, and the proof is taken away again',
  async t => {
    const { made, answers } = await attempt(t)
    const { chain, key, source, notAfter } = await made
    const [leaf, intermediate] = chain.split(/(?=-----BEGIN)/).map(pem => new X509Certificate(pem))
    t.is(leaf?.subjectAltName, `DNS:${HOST}`)
    t.true(leaf?.checkIssued(intermediate as X509Certificate))
    t.true(intermediate?.verify(new X509Certificate(server.ca).publicKey))
    t.is(source, server.directory)
    t.is(notAfter, leaf?.validToDate.toISOString() ?? '')
    t.true(key instanceof Secret)
    t.is(answers.size, 0)
  },
)

test.serial('whoever waits reads how it goes on, and at which step it ended', async t => {
  const heard: string[] = []
  const tell = (line: string) =>
    void heard.push(
      line.replace(new URL(server.directory).host, 'AUTHORITY').replace(/\d{4}-\d\d-\d\d/, 'DATE'),
    )
  await (await attempt(t, { tell })).made
  t.deepEqual(heard.splice(0), [
    `-----> Ordering a certificate for ${HOST} from AUTHORITY`,
    `       AUTHORITY asks ${HOST} over HTTP whether it is ours`,
    `       ${HOST} proved to be ours`,
    '       AUTHORITY signed for it until DATE',
  ])
  await trouble(t, { tell, hostname: ASTRAY })
  t.deepEqual(heard, [
    `-----> Ordering a certificate for ${ASTRAY} from AUTHORITY`,
    `       AUTHORITY asks ${ASTRAY} over HTTP whether it is ours`,
    `       It ended at step 2 of 3: ${ASTRAY} was not proved to be ours`,
  ])
})

test.serial('one account serves for every order, and its address is changed with the setting', async t => {
  const store = opened(t)
  const account = () => store.certificateKeys.account(server.directory) ?? t.fail()
  await (await attempt(t, { store })).made
  const first = account()
  await (await attempt(t, { store })).made
  t.like(account(), { url: first.url, email: EMAIL })
  await (await attempt(t, { store, email: 'new@example.com' })).made
  t.like(account(), { url: first.url, email: 'new@example.com' })
  t.true(account().key.equals(first.key))
})

const HTTP_FAILED = 'It said: "The server could not connect to validation target" (connection).'

test.serial('nobody listens where the hostname leads to', async t => {
  t.deepEqual(await trouble(t, { hostname: ASTRAY }), {
    code: 'certificate-failed',
    headline: `AUTHORITY could not reach ${ASTRAY} over HTTP`,
    saw: `${HTTP_FAILED} Here, no address is known for ${ASTRAY}.`,
    hint: `Let ${ASTRAY} point to the public address of this gateway, and port 80 there to its router.`,
  })
})

test.serial('somebody else answers where the hostname leads to', async t => {
  t.deepEqual(await trouble(t, { answer: (_, response) => response.end('hello') }), {
    code: 'certificate-failed',
    headline: `${HOST} leads somewhere else than to this gateway`,
    saw: `It said: "The server will not issue certificates for the identifier" (rejectedIdentifier). Here, no address is known for ${HOST}.`,
    hint: `Let ${HOST} point to the public address of this gateway alone (A and AAAA), with no proxy that answers in its place.`,
  })
})

test.serial('the authority is not trusted', async t => {
  t.deepEqual(await trouble(t, { ca: null }), {
    code: 'certificate-failed',
    headline: 'No safe connection to the authority AUTHORITY',
    saw: 'TLS with AUTHORITY failed (UNABLE_TO_GET_ISSUER_CERT_LOCALLY).',
    hint: 'If it is an authority of your own, name the file with its certificate in FAIRLEAD_ACME_CA.',
  })
})

test.serial('what answers is no ACME directory', async t => {
  t.deepEqual(await trouble(t, { directory: `${server.directory}/nothing` }), {
    code: 'certificate-failed',
    headline: 'There is no ACME directory at https://AUTHORITY/acme/local/directory/nothing',
    saw: 'What answers there does not speak ACME (404).',
    hint: 'Correct FAIRLEAD_ACME, and start the gateway again.',
  })
})

test.serial('an order that is given up leaves no proof behind', async t => {
  const leaving = new AbortController()
  const { made, answers } = await attempt(t, {
    signal: leaving.signal,
    answer: () => leaving.abort(new Error('the client left')),
  })
  await t.throwsAsync(made, { message: 'the client left' })
  t.is(answers.size, 0)
})
