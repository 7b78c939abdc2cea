// endpoints:modify, as sessions run it: the real keeper of certificates over a real store, and a router in memory.
import test, { type ExecutionContext } from 'ava'
import { createCertificates } from '../../../src/certificates/certificates.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { makeAuthority } from '../../support/certificate.ts'
import { until } from '../../support/until.ts'
import { refused, registryBench, said } from './registry-bench.ts'

const HOST = 'a.test' as Hostname
const NEVER = new AbortController().signal
const UNTIL = /^Certificate: valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC\b/m

interface Options {
  readonly https?: boolean
  readonly email?: string | null
}

async function bench(t: ExecutionContext, { https = true, email = 'ops@example.com' }: Options = {}) {
  const made = await registryBench(t, { https })
  const { store, router, ground } = made
  // Nobody listens there.
  const acme = { directory: 'https://localhost:1/directory', email, ca: null }
  const certificates = createCertificates({
    store,
    endpoints: store.endpoints.all,
    router,
    acme,
    log: ground.log,
  })
  Object.assign(ground, { certificates })
  const ann = made.member('ann', 'admin')
  const of = ['--app', 'my-env/my-app']
  const authority = makeAuthority()
  /** Another one at every call, as a file holds it. */
  const pem = (name: string = HOST) => {
    const { cert, key } = authority.issue(`DNS:${name}`)
    return cert + key
  }
  const call = (command: string, words: readonly string[], input?: string) =>
    made.run(ann, [command, ...of, ...words], input)
  const row = () => store.endpoints.byHostname(HOST)
  return {
    ...made,
    ann,
    certificates,
    pem,
    row,
    modify: (...words: string[]) => call('endpoints:modify', [HOST, ...words]),
    give: (text: string) => call('endpoints:modify', [HOST, '--tls', '-'], text),
    async created(...words: string[]) {
      const done = await call('endpoints:create', [HOST, ...words], words.includes('-') ? pem() : '')
      t.is(done.status, 0, done.err)
      return row()
    },
    /** What the record has of its certificate. */
    kept: () => store.certificates.of(row()?.id ?? 0),
    /** What the router is told from now on. */
    toldSince() {
      const from = router.calls.length
      return () => router.calls.slice(from).filter(each => each !== 'seen' && each !== 'answers')
    },
    recorded: () => store.operations.list(made.app.id, 10),
  }
}

test('port and path are changed in place, routed at once, and taken back', async t => {
  const made = await bench(t)
  const push = await made.push(await made.commit({ Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }))
  t.true(push.accepted, push.said)
  const before = await made.created()
  const { address } = made.engine.containers.find(({ running }) => running) ?? t.fail()
  const heard = await made.modify('--port', '3000', '--path', '/health')
  t.is(
    heard.out,
    'Endpoint http://a.test:8080/ modified: port 3000, path /health.\nNothing answers there now: nothing listens on port 3000 of web.\n',
  )
  t.deepEqual(made.row(), { ...(before ?? t.fail()), port: 3000, path: '/health' })
  t.deepEqual(await made.router.shown(), [`a.test ${address}:3000`])
  t.regex((await made.modify('--no-port', '--no-path')).out, /modified: no port, no path\.\n/)
  t.deepEqual(made.row(), before)
  t.deepEqual(await made.router.shown(), [`a.test ${address}:5000`])
})

test('a given certificate is replaced by the next one, and the router is never without', async t => {
  const made = await bench(t)
  const before = await made.created('--tls', '-')
  const told = made.toldSince()
  const next = made.pem()
  const { status, out, err } = await made.give(next)
  t.is(status, 0, err)
  t.regex(out, /^Endpoint https:\/\/a\.test:8443\/ modified: tls file\.\n ! {5}The certificate ends on /)
  t.regex(out, UNTIL)
  t.regex(err, /^ {7}The certificate of a\.test is in place\n$/m)
  const { chain, key } = made.kept() ?? t.fail()
  t.is(chain + key.reveal(), next)
  t.deepEqual(made.row(), before)
  t.deepEqual(told(), ['putCertificate a.test', 'update a.test'])
})

test('it is an operation of the app and an activity, which keep names and no key', async t => {
  const made = await bench(t)
  await made.created('--tls', '-')
  await made.give(made.pem())
  const [operation, ...others] = made.recorded()
  t.like(operation, {
    kind: 'endpoint',
    subject: 'a.test: tls file',
    actor: 'ann',
    state: 'succeeded',
    problem: null,
  })
  t.deepEqual(others, [])
  const [activity] = made.store.activity.list(null, null, 1)
  t.like(activity, { command: 'endpoints:modify', words: ['a.test'], outcome: 'ok' })
  t.deepEqual(activity?.options.toSorted(), ['app', 'tls'])
  const lines = made.lines(operation ?? null).join('\n')
  t.false((lines + JSON.stringify([activity, made.logged])).includes('PRIVATE'))
})

test('over HTTPS only with a certificate: it is put before requests are sent on, and taken away after', async t => {
  const made = await bench(t)
  await made.created()
  for (const [words, input, expected] of [
    [['--tls', 'internal'], '', ['putCertificate a.test', 'update a.test']],
    [['--tls', '-'], made.pem(), ['putCertificate a.test', 'update a.test']],
    [['--tls', 'internal'], '', ['putCertificate a.test', 'update a.test']],
    [['--tls', 'off'], '', ['update a.test', 'removeCertificate a.test']],
    [['--tls', '-'], made.pem(), ['putCertificate a.test', 'update a.test']],
    [['--tls', 'off'], '', ['update a.test', 'removeCertificate a.test']],
  ] as const) {
    const told = made.toldSince()
    const done = await made.run(
      made.ann,
      ['endpoints:modify', HOST, '--app', 'my-env/my-app', ...words],
      input,
    )
    t.is(done.status, 0, done.err)
    t.deepEqual(told(), expected)
    const [route] = await made.router.seen(NEVER)
    t.is(route?.secure, words[1] !== 'off')
    t.is(made.kept() === null, words[1] === 'off')
    t.deepEqual(await made.router.keptCertificates(NEVER), words[1] === 'off' ? [] : [HOST])
  }
  t.is(made.row()?.tls, 'off')
})

test('what is so already is not done again, and said', async t => {
  const made = await bench(t)
  await made.created('--tls', 'internal', '--port', '80')
  const chain = made.kept()?.chain
  const told = made.toldSince()
  t.deepEqual(
    await made.modify('--tls', 'internal', '--port', '80', '--no-path'),
    said('Nothing changed: a.test has port 80, no path, tls internal already.\n'),
  )
  t.is(made.kept()?.chain, chain)
  t.deepEqual(told(), [])
})

test('an endpoint that waits for its certificate is got one when its kind is named again', async t => {
  const made = await bench(t)
  await made.created('--tls', 'internal')
  made.store.certificates.remove(made.row()?.id ?? 0)
  t.regex((await made.modify('--tls', 'internal')).out, UNTIL)
})

const REFUSED: readonly [string, readonly string[], readonly string[]][] = [
  [
    'nothing to change',
    [HOST],
    [
      ' !     `endpoints:modify` was called with wrong words (usage)',
      '       What we saw:   It names nothing to change: give --tls, --port, --no-port, --path or --no-path.',
      '       What to do:    fairlead endpoints:modify HOSTNAME — see `fairlead help endpoints:modify`.',
    ],
  ],
  [
    'a port and none',
    [HOST, '--port', '80', '--no-port'],
    [
      ' !     `endpoints:modify` was called with wrong words (usage)',
      '       What we saw:   --port and --no-port exclude each other.',
      '       What to do:    fairlead endpoints:modify HOSTNAME — see `fairlead help endpoints:modify`.',
    ],
  ],
  [
    'a path and none',
    [HOST, '--path', '/up', '--no-path'],
    [
      ' !     `endpoints:modify` was called with wrong words (usage)',
      '       What we saw:   --path and --no-path exclude each other.',
      '       What to do:    fairlead endpoints:modify HOSTNAME — see `fairlead help endpoints:modify`.',
    ],
  ],
  [
    'an unknown hostname, with the nearest one',
    ['a.tset', '--port', '80'],
    [
      ' !     This app has no endpoint "a.tset" (not-found)',
      '       What we saw:   It has: a.test',
      '       What to do:    Did you mean `a.test`? `fairlead endpoints` lists them.',
    ],
  ],
  [
    'an unknown hostname that is near to none',
    ['shop.example.com', '--port', '80'],
    [
      ' !     This app has no endpoint "shop.example.com" (not-found)',
      '       What we saw:   It has: a.test',
      '       What to do:    `fairlead endpoints` lists them.',
    ],
  ],
  [
    'a file of another machine',
    [HOST, '--tls', '/etc/a.pem'],
    [
      ' !     `endpoints:modify` was called with wrong words (usage)',
      '       What we saw:   --tls is off, internal, acme or a file. Only the CLI can read a file of yours: over plain ssh, use --tls - < FILE.',
      '       What to do:    fairlead endpoints:modify HOSTNAME — see `fairlead help endpoints:modify`.',
    ],
  ],
]

for (const [what, words, lines] of REFUSED) {
  test(`refused before anything is done: ${what}`, async t => {
    const made = await bench(t)
    const before = await made.created('--tls', 'internal')
    const told = made.toldSince()
    const heard = await made.run(made.ann, ['endpoints:modify', '--app', 'my-env/my-app', ...words])
    t.deepEqual(heard, refused(...lines))
    t.deepEqual([made.row(), told(), made.recorded()], [before, [], []])
  })
}

test('a file that cannot be used leaves the certificate that there is', async t => {
  const made = await bench(t)
  await made.created('--tls', '-')
  const chain = made.kept()?.chain
  const told = made.toldSince()
  const [one, other] = [made.pem(), made.pem()]
  const certificate = one.slice(0, one.indexOf('-----BEGIN PRIVATE'))
  const key = other.slice(other.indexOf('-----BEGIN PRIVATE'))
  const whole = 'Give one PEM file: the certificate, those of its issuers in order, and its private key.'
  for (const [file, saw, hint] of [
    ['rubbish', 'It holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).', whole],
    ['', 'It holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).', whole],
    [
      certificate + key,
      'Its private key does not belong to its certificate.',
      'Give the key that the certificate was made for.',
    ],
    [made.pem('b.test'), 'It is for b.test.', 'Have one made that names a.test.'],
  ] as const) {
    t.deepEqual(
      await made.give(file),
      refused(
        ' !     The certificate in the file cannot be used for a.test (endpoint-refused)',
        `       What we saw:   ${saw}`,
        `       What to do:    ${hint}`,
      ),
    )
  }
  t.deepEqual([made.kept()?.chain, told(), made.recorded()], [chain, [], []])
})

test('the rules are those of endpoints:create', async t => {
  const plain = await bench(t, { https: false })
  await plain.created()
  for (const kind of ['internal', 'acme', '-']) {
    t.regex(
      (await plain.modify('--tls', kind)).err,
      /takes no requests over HTTPS \(endpoint-refused\)\n.*FAIRLEAD_HTTPS is not set\./,
    )
  }
  const anonymous = await bench(t, { email: null })
  await anonymous.created()
  t.regex(
    (await anonymous.modify('--tls', 'acme')).err,
    /No certificate can be ordered for a\.test.* \(endpoint-refused\)\n.*FAIRLEAD_ACME_EMAIL is not set\./,
  )
  t.is(anonymous.row()?.tls, 'off')
})

test('it is for admins', async t => {
  const made = await bench(t)
  await made.created()
  const ben = made.member('ben', 'deploy')
  const { status, err } = await made.run(ben, ['endpoints:modify', HOST, '--port', '80', '--app', 'my-app'])
  t.is(status, 1)
  t.regex(err, /needs the role admin \(forbidden\)/)
  t.is(made.row()?.port, null)
})

test('an authority that gives none changes nothing: why, at which step and what serves now is told', async t => {
  const made = await bench(t)
  await made.created('--tls', '-')
  const [before, chain] = [made.row(), made.kept()?.chain]
  const told = made.toldSince()
  const { status, err } = await made.modify('--tls', 'acme', '--port', '80')
  t.is(status, 1)
  t.deepEqual(err.replace(/until \d{4}-\d\d-\d\d \d\d:\d\d/, 'until DATE').split('\n'), [
    '-----> Ordering a certificate for a.test from localhost:1',
    '       It ended at step 1 of 3: localhost:1 took no order',
    ' !     The authority localhost:1 could not be asked: it refuses the connection (certificate-failed)',
    '       What we saw:   https://localhost:1/directory: ECONNREFUSED',
    '       What runs now: a.test is answered as before: tls file, certificate valid until DATE UTC: give a new one.',
    '       What to do:    See that the gateway may reach it over HTTPS, or correct FAIRLEAD_ACME.',
    '',
  ])
  t.deepEqual([made.row(), made.kept()?.chain, told()], [before, chain, []])
  t.is(made.certificates.state(made.row() ?? t.fail()).trouble, null)
  t.like(made.recorded()[0], { kind: 'endpoint', state: 'failed', problem: 'certificate-failed' })
})

test('a certificate that the router does not take is taken back, and what there was serves on', async t => {
  const made = await bench(t)
  await made.created('--tls', '-')
  const { chain, key } = made.kept() ?? t.fail()
  const put: string[] = []
  made.router.on('putCertificate', (_, pem) => {
    put.push(pem.reveal())
    if (put.length === 1) throw new Problem('router-failed', { headline: 'It would not', hint: 'Look.' })
  })
  const { status, err } = await made.give(made.pem())
  t.is(status, 1)
  t.regex(
    err,
    /^ ! {5}It would not \(router-failed\)\n.*a\.test is answered as before: tls file, certificate /,
  )
  t.is(made.kept()?.chain, chain)
  t.deepEqual(put.slice(1), [chain + key.reveal()])
})

test('one that is put and not written down is taken off the router again', async t => {
  const made = await bench(t)
  const { id } = (await made.created()) ?? t.fail()
  made.router.on('putCertificate', () => made.store.endpoints.remove(id))
  const { status, err } = await made.modify('--tls', 'internal')
  t.is(status, 1)
  t.deepEqual(err.split('\n'), [
    ' !     The endpoint a.test was destroyed while this waited (not-found)',
    '       What runs now: Nothing answers for a.test.',
    '       What to do:    `fairlead endpoints:create a.test` makes it anew.',
    '',
  ])
  t.deepEqual(await made.router.keptCertificates(NEVER), [])
})

test('what was written stands when the router cannot follow, and it follows later', async t => {
  const made = await bench(t)
  await made.created()
  const off = made.router.on('update', () => {
    throw new Problem('router-failed', { headline: 'It would not', hint: 'Look.' })
  })
  const { status, err } = await made.modify('--tls', 'internal')
  t.is(status, 0)
  t.regex(err, / ! {5}It would not\. It is recorded, and the router follows as soon as it can be told\.\n/)
  t.is(made.row()?.tls, 'internal')
  off()
  await made.routing.followAll(NEVER)
  t.true((await made.router.seen(NEVER))[0]?.secure)
})

test('an operation that has the turn is waited for, and what went meanwhile is seen', async t => {
  const made = await bench(t)
  const { id } = (await made.created()) ?? t.fail()
  const held = Promise.withResolvers<void>()
  const holding = made.operations.exclusive(made.app.id, () => held.promise)
  const waiting = made.modify('--port', '80')
  await until('it waits', async () => made.recorded()[0]?.state === 'queued')
  made.store.endpoints.remove(id)
  held.resolve()
  await holding
  t.regex((await waiting).err, /The endpoint a\.test was destroyed while this waited \(not-found\)/)
})

test('a role that was lost while it waited changes nothing', async t => {
  const made = await bench(t)
  await made.created()
  const held = Promise.withResolvers<void>()
  const holding = made.operations.exclusive(made.app.id, () => held.promise)
  const waiting = made.modify('--port', '80')
  await until('it waits', async () => made.recorded()[0]?.state === 'queued')
  made.ann.lose()
  held.resolve()
  await holding
  t.regex((await waiting).err, /app-not-found/)
  t.is(made.row()?.port, null)
})
