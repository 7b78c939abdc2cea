// What authorities refuse, and that they are neither waited for nor asked again on the spot.
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { acmeTrouble } from '../../../src/certificates/acme-trouble.ts'
import { obtainAcme } from '../../../src/certificates/obtain-acme.ts'
import { Refusal } from '../../../src/certificates/refusal.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { caughtProblem } from '../../support/caught-problem.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { opened } from '../store/opened.ts'

const HOST = 'web.example.com' as Hostname
const DIRECTORY = 'https://acme.example/directory'
const asked = { hostname: HOST, directory: DIRECTORY, addresses: ['203.0.113.5', '2001:db8::5'] }
const HERE = `Here, ${HOST} leads to 203.0.113.5, 2001:db8::5.`

const told = (error: unknown, addresses: readonly string[] | null = asked.addresses) => {
  const problem = acmeTrouble(error, { ...asked, addresses })
  return [problem.code, problem.headline, problem.saw, problem.hint]
}

const POINT = `Let ${HOST} point to the public address of this gateway`
const REFUSALS: readonly [
  kind: string | null,
  status: number | null,
  headline: string,
  hint: string,
  here?: true,
][] = [
  [
    'connection',
    null,
    `acme.example could not reach ${HOST} over HTTP`,
    `${POINT}, and port 80 there to its router.`,
    true,
  ],
  [
    'dns',
    null,
    `acme.example finds no address for ${HOST}`,
    `Add a DNS record that lets ${HOST} point to the public address of this gateway.`,
    true,
  ],
  [
    'unauthorized',
    null,
    `${HOST} leads somewhere else than to this gateway`,
    `${POINT} alone (A and AAAA), with no proxy that answers in its place.`,
    true,
  ],
  [
    'caa',
    null,
    `A CAA record in the DNS forbids acme.example to sign for ${HOST}`,
    `Add a CAA record for ${HOST} that allows it, or name an allowed authority in FAIRLEAD_ACME.`,
  ],
  [
    'rejectedIdentifier',
    400,
    `acme.example does not sign for ${HOST}`,
    'Public authorities sign for public names only. For any other name use --tls internal or a file.',
  ],
  [
    'rateLimited',
    429,
    'acme.example limits how often it is asked',
    'Wait, and ask for nothing meanwhile: it counts each order, also one for an endpoint that is made anew.',
  ],
  [
    'invalidContact',
    400,
    'acme.example does not take the address in FAIRLEAD_ACME_EMAIL',
    'Correct FAIRLEAD_ACME_EMAIL, and start the gateway again.',
  ],
  [
    'externalAccountRequired',
    400,
    'acme.example wants an account that was made with it beforehand',
    "Name an authority in FAIRLEAD_ACME that does not, such as Let's Encrypt.",
  ],
  ['userActionRequired', 403, 'acme.example wants something of you first', 'Do what it says.'],
  ['serverInternal', 500, 'acme.example failed by itself (500)', 'Wait until it has recovered.'],
  ['orderNotReady', 403, `acme.example gave no certificate for ${HOST}`, 'Do what it says.'],
]

for (const [kind, status, headline, hint, here] of REFUSALS) {
  test(`a refusal as ${kind} says what to do`, t => {
    const saw = `It said: "its words" (${kind}).${here ? ` ${HERE}` : ''}`
    t.deepEqual(told(new Refusal(kind, 'its words', status)), ['certificate-failed', headline, saw, hint])
  })
}

test('how long an authority wants to be left alone is told', t => {
  t.is(
    told(new Refusal('rateLimited', 'too many', 429, 7200))[2],
    'It said: "too many" (rateLimited). It wants to be left alone for 7200 s.',
  )
})

test('an authority that cannot be reached is told by why', t => {
  const error = (code: string) => Object.assign(new Error('x'), { code })
  t.deepEqual(told(error('ECONNREFUSED')), [
    'certificate-failed',
    'The authority acme.example could not be asked: it refuses the connection',
    `${DIRECTORY}: ECONNREFUSED`,
    'See that the gateway may reach it over HTTPS, or correct FAIRLEAD_ACME.',
  ])
  t.is(told(error('ENOTFOUND'))[1], 'The authority acme.example could not be asked: its name is not known')
  t.deepEqual(told(new TypeError('a strange answer')), [
    'certificate-failed',
    'acme.example answers in a way that was not expected',
    'a strange answer',
    'Operators find more in the log.',
  ])
})

test('words of an authority cannot move the cursor, and have an end', t => {
  const saw = told(new Refusal('caa', `\u001b[2J\n${'x'.repeat(5000)}`))[2] ?? ''
  t.false(saw.includes('\u001b'))
  t.true(saw.startsWith('It said: "\\u{1b}[2J\\u{a}xxx'))
  t.true(saw.length < 500)
  t.is(told(new Refusal(null, '', null), [])[2], 'It gave no reason.')
})

type Answer = readonly [status: number, document: unknown, headers?: Record<string, string>]

/** An authority that speaks ACME as far as it is told to. @param next what an order is answered with, each once */
async function scripted(t: ExecutionContext, next: Answer[]) {
  const tls = makeCertificate('DNS:localhost')
  const requests: string[] = []
  const authority = createServer(tls, (request, response) => {
    const { port } = authority.address() as AddressInfo
    const at = (path: string) => `https://localhost:${port}/${path}`
    const path = request.url?.slice(1) ?? ''
    requests.push(path)
    const nonce = { 'replay-nonce': `n${requests.length}` }
    const [status, document, headers = {}]: Answer =
      path === 'directory'
        ? [200, { newNonce: at('nonce'), newAccount: at('account'), newOrder: at('order') }]
        : path === 'nonce'
          ? [204, null]
          : path === 'account'
            ? [201, {}, { location: at(`account/${requests.length}`) }]
            : (next.shift() ?? [418, null])
    const place = headers.location === 'ORDER' ? { location: at('placed') } : {}
    response.writeHead(status, { 'content-type': 'application/json', ...nonce, ...headers, ...place })
    response.end(document === null ? '' : JSON.stringify(document).replace('FINALIZE', at('finalize')))
  })
  authority.listen(0, '127.0.0.1')
  await once(authority, 'listening')
  t.teardown(() => {
    authority.close()
    authority.closeAllConnections()
  })
  const router = { answerChallenge: async () => {}, forgetChallenge: async () => {} }
  const store = opened(t)
  const directory = `https://localhost:${(authority.address() as AddressInfo).port}/directory`
  const ordering = {
    directory,
    email: 'ops@example.com',
    ca: tls.cert,
    accounts: store.certificateKeys,
    router,
  }
  const never = new AbortController().signal
  const order = (tell?: (line: string) => void) => obtainAcme(ordering, HOST, never, () => new Date(), tell)
  return { order, requests, account: () => store.certificateKeys.account(directory)?.url }
}

const refusal = (kind: string) => ({ type: `urn:ietf:params:acme:error:${kind}`, detail: 'its words' })

test('an authority that is asked too often is asked once, and its Retry-After is kept', async t => {
  const { order, requests } = await scripted(t, [[429, refusal('rateLimited'), { 'retry-after': '86400' }]])
  const problem = await t.throwsAsync(order(), { instanceOf: Problem })
  t.is(problem.saw, 'It said: "its words" (rateLimited). It wants to be left alone for 86400 s.')
  t.is((problem.cause as Refusal).wait, 86_400)
  t.is(requests.filter(path => path === 'order').length, 1)
})

test('an authority that failed by itself is asked once', async t => {
  const { order, requests } = await scripted(t, [[503, { no: 'problem document' }]])
  t.regex((await caughtProblem(order())).headline, /^localhost:\d+ failed by itself \(503\)$/)
  t.is(requests.filter(path => path === 'order').length, 1)
})

test('an order ends at its first step where it is not taken, at its last where it is not signed', async t => {
  const authority = await scripted(t, [[403, refusal('caa')]])
  const heard: string[] = []
  await caughtProblem(authority.order(line => heard.push(line)))
  t.regex(
    heard.join('\n'),
    /^-----> Ordering a .*\n {7}It ended at step 1 of 3: localhost:\d+ took no order$/,
  )
  const later = await scripted(t, [
    [201, { status: 'ready', authorizations: [], finalize: 'FINALIZE' }, { location: 'ORDER' }],
    [200, { status: 'ready', authorizations: [], finalize: 'FINALIZE' }],
    [403, refusal('caa')],
  ])
  await caughtProblem(later.order(line => heard.push(line)))
  t.regex(heard.at(-1) ?? '', /^ {7}It ended at step 3 of 3: localhost:\d+ did not sign$/)
})

test('an authority that forgot the account gets a new one, and the order goes on', async t => {
  const { order, account } = await scripted(t, [
    [201, {}],
    [400, refusal('accountDoesNotExist')],
    [403, refusal('caa')],
  ])
  await t.throwsAsync(order())
  const first = account()
  t.truthy(first)
  t.regex((await caughtProblem(order())).headline, /^A CAA record/)
  t.not(account(), first)
})

test('an order whose nonce has grown old is signed again', async t => {
  const { order, requests } = await scripted(t, [
    [400, refusal('badNonce')],
    [403, refusal('caa')],
  ])
  t.regex((await caughtProblem(order())).headline, /^A CAA record/)
  t.is(requests.filter(path => path === 'order').length, 2)
})

test('an answer without end is not kept', async t => {
  const { order } = await scripted(t, [[200, 'x'.repeat(2 * 1024 * 1024)]])
  t.is((await caughtProblem(order())).saw, 'It said: "It answered with more than 1048576 bytes.".')
})

test('an authority that answers rubbish is told so, and not asked again on the spot', async t => {
  for (const answer of [
    [201, {}],
    [201, 'text'],
    [201, {}, { location: 'not an address' }],
    [201, null],
  ] as Answer[]) {
    const { order, requests } = await scripted(t, [answer])
    t.is((await caughtProblem(order())).code, 'certificate-failed')
    t.is(requests.filter(path => path === 'order').length, 1)
  }
})
