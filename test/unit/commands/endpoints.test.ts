// The commands about endpoints, as sessions run them.
import { createServer } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import type { Endpoint } from '../../../src/domain/endpoint.ts'
import type { EndpointCertificates } from '../../../src/domain/endpoint-certificates.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { type BenchOptions, refused, registryBench } from './registry-bench.ts'

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const LIFE = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-04-01T00:00:00Z' }

async function bench(t: ExecutionContext, options: BenchOptions = {}) {
  const made = await registryBench(t, options)
  const ann = made.member('ann', 'admin')
  const of = ['--app', 'my-env/my-app']
  return {
    ...made,
    ann,
    create: (...words: string[]) => made.run(ann, ['endpoints:create', ...of, ...words]),
    destroy: (...words: string[]) => made.run(ann, ['endpoints:destroy', ...of, ...words]),
    list: async () => JSON.parse((await made.run(ann, ['endpoints', '--json', ...of])).out),
    async deployed(files: Record<string, string> = FILES) {
      const push = await made.push(await made.commit(files))
      t.true(push.accepted, push.said)
      await made.background.idle()
    },
    hosts: () => made.store.endpoints.all().map(({ hostname }) => hostname as string),
  }
}

test('without a hostname an app gets its own, which is routed at once', async t => {
  const { create, list, router } = await bench(t)
  t.deepEqual(await create(), {
    status: 0,
    out: 'Endpoint http://my-app.my-env.apps.test:8080/ created for web.\nNothing answers there before the first push.\n',
    err: '',
  })
  t.deepEqual(await router.shown(), ['my-app.my-env.apps.test'])
  const [row] = await list()
  t.like(row, {
    url: 'http://my-app.my-env.apps.test:8080/',
    service: 'web',
    port: null,
    path: null,
    tls: 'off',
  })
})

test('the answer says whether something listens there now', async t => {
  const made = await bench(t)
  await made.deployed()
  t.regex(
    (await made.create('a.test')).out,
    /\nNothing answers there now: nothing listens on port 5000 of web\.\n$/,
  )
  const address = made.engine.containers.find(({ spec }) => spec.labels.process === 'web')?.address ?? ''
  const server = createServer().listen(3000, address)
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { out } = await made.create('b.test', '--port', '3000', '--path', '/health')
  t.is(out, 'Endpoint http://b.test:8080/ created for web.\nweb.1 answers there now, on port 3000.\n')
  t.deepEqual(await made.router.shown(), [`a.test ${address}:5000`, `b.test ${address}:3000`])
  t.like((await made.list())[1], { port: 3000, path: '/health' })
  await made.engine.stop(made.engine.containers[0]?.id ?? '', 1, new AbortController().signal)
  t.regex((await made.create('c.test')).out, /Nothing answers there now: no container of web runs\.\n$/)
})

test('a service that the live release does not have is a warning, since the next one may', async t => {
  const made = await bench(t)
  await made.deployed()
  const { status, out } = await made.create('a.test', '--service', 'api')
  t.is(status, 0)
  t.regex(
    out,
    /\n ! {5}Release v1 has no process api, only web, worker: nothing answers before a release has it\.\n$/,
  )
  t.deepEqual(made.hosts(), ['a.test'])
})

test('the only process of an app needs no --service', async t => {
  const made = await bench(t)
  await made.deployed({ Dockerfile: 'FROM scratch\n' })
  t.regex((await made.create('a.test')).out, /created for cmd\.\n/)
})

test('endpoints are for admins: others of the environment see them only', async t => {
  const { member, run, create, hosts } = await bench(t)
  await create('a.test')
  const ben = member('ben', 'deploy')
  const of = ['--app', 'my-env/my-app']
  for (const words of [
    ['endpoints:create', 'b.test'],
    ['endpoints:destroy', 'a.test'],
  ]) {
    const { status, err } = await run(ben, [...words, ...of])
    t.is(status, 1)
    t.regex(err, /needs the role admin \(forbidden\)/)
  }
  t.regex((await run(member('eve', 'observe'), ['endpoints', ...of])).out, /a\.test/)
  t.deepEqual(hosts(), ['a.test'])
})

test('a hostname that an app has is told with that app only to those who may see it', async t => {
  const made = await bench(t)
  const other = await made.newApp('secret', 'other-env')
  const wish = { service: 'web', port: null, path: null, tls: 'off' } as const
  made.store.endpoints.create(other.id, { ...wish, hostname: 'a.test' as Endpoint['hostname'] })
  const taken = (whose: string) =>
    refused(
      ` !     a.test is an endpoint of ${whose} already (name-taken)`,
      '       What to do:    Choose another hostname, or have whoever has this one destroy the endpoint.',
    )
  t.deepEqual(await made.create('a.test'), taken('an app of this gateway'))
  const op = made.member('op', 'operator')
  const words = ['endpoints:create', 'a.test', '--app', 'my-env/my-app']
  t.deepEqual(await made.run(op, words), taken('other-env/secret'))
  t.regex(
    (await made.destroy('a.test')).err,
    /This app has no endpoint "a\.test" \(not-found\)\n.*It has none\./,
  )
  await made.create('b.test')
  t.regex(
    (await made.create('b.test')).err,
    /b\.test is an endpoint of this app already \(name-taken\)\n.*`fairlead endpoints:modify b\.test` changes it\./,
  )
  t.deepEqual(made.hosts(), ['a.test', 'b.test'])
})

test("another app's own name below the domain is refused, whether there is such an app or not", async t => {
  const made = await bench(t)
  await made.newApp('there')
  for (const hostname of ['there.my-env.apps.test', 'nobody.my-env.apps.test', 'x.there.my-env.apps.test'])
    t.deepEqual(
      await made.create(hostname),
      refused(
        ` !     ${hostname} is kept for another app than my-env/my-app (endpoint-refused)`,
        '       What we saw:   Below apps.test, the last two labels before it name the app that may have a hostname.',
        '       What to do:    Leave the hostname out, for my-app.my-env.apps.test, or take one that is not below apps.test.',
      ),
    )
  t.deepEqual(made.hosts(), [])
})

for (const [words, message] of [
  [['A.test'], /"A\.test" is no hostname \(name-invalid\)/],
  [['a.test:80'], /is no hostname/],
  [['192.0.2.1'], /is no hostname/],
  [['a.test\nb'], /is no hostname/],
  [['a.test', 'b.test'], /is one word too many/],
  [['--port', '0'], /--port is a number from 1 to 65535\./],
  [['--port', '65536'], /--port is/],
  [['--port', '8080x'], /--port is/],
  [['--path', 'health'], /--path begins with a slash/],
  [['--path', '/a b'], /--path begins with a slash/],
  [['--service', 'Web!'], /--service is the name of a process/],
  [['--tls', '/etc/passwd'], /Only the CLI can read a file of yours/],
] as const) {
  test(`refused before anything is stored: ${JSON.stringify(words)}`, async t => {
    const { create, hosts, router } = await bench(t)
    const { status, err } = await create(...words)
    t.is(status, 1)
    t.regex(err, message)
    t.deepEqual([hosts(), router.calls], [[], []])
  })
}

test('on a stack whose containers the router does not reach there are no endpoints', async t => {
  const engine = { kind: 'tls', host: 'far.test', port: 2376, ca: '', cert: '', key: '' } as const
  const { create, hosts } = await bench(t, { stack: { engine } })
  t.regex((await create('a.test')).err, /does not reach the containers of stack local \(endpoint-refused\)/)
  t.deepEqual(hosts(), [])
})

test('where requests over HTTPS are not taken, what to set is said', async t => {
  const { create, hosts } = await bench(t)
  for (const kind of ['internal', 'acme', '-']) {
    const { err } = await create('a.test', '--tls', kind)
    t.regex(err, /takes no requests over HTTPS \(endpoint-refused\)\n.*FAIRLEAD_HTTPS is not set\./)
  }
  t.deepEqual(hosts(), [])
})

test('without a router nothing is stored', async t => {
  const { create, hosts, router } = await bench(t)
  router.on('replace', () => {
    throw new Problem('router-missing', { headline: 'There is no HAProxy', hint: 'Install it.' })
  })
  const { status, err } = await create('a.test')
  t.is(status, 1)
  t.regex(err, /There is no HAProxy \(router-missing\)/)
  t.deepEqual(hosts(), [])
})

test('what a router could not be told is recorded, said, and told later', async t => {
  const made = await bench(t)
  await made.create('a.test')
  const offs = (['update', 'remove'] as const).map(call =>
    made.router.on(call, () => {
      throw new Problem('router-failed', { headline: 'It would not', hint: 'Look.' })
    }),
  )
  const later = / ! {5}It would not\. It is recorded, and the router follows as soon as it can be told\.\n/
  const created = await made.create('b.test')
  t.deepEqual([created.status, later.test(created.out)], [0, true], created.out)
  const destroyed = await made.destroy('a.test')
  t.deepEqual([destroyed.status, made.hosts()], [0, ['b.test']], destroyed.err)
  for (const off of offs) off()
  await made.routing.followAll(new AbortController().signal)
  t.deepEqual(await made.router.shown(), ['b.test'])
})

test('a certificate is admitted before anything is stored, and got for the endpoint', async t => {
  const made = await bench(t, { https: true })
  const heard: unknown[] = []
  const certificates: EndpointCertificates = {
    admit(hostname, tls, pem) {
      if (pem?.reveal() === 'rubbish')
        throw new Problem('endpoint-refused', { headline: 'That is rubbish', hint: 'Give a PEM.' })
      const chain = pem?.reveal()
      const given = chain === undefined ? null : { chain, key: new Secret('key'), source: 'file', ...LIFE }
      return { given, warnings: tls === 'file' ? [`${hostname} ends soon`] : [] }
    },
    async ensure(endpoint, _, given) {
      heard.push([endpoint.hostname, endpoint.tls, given?.chain])
      return { validUntil: null, trouble: null }
    },
    exchange: async () => t.fail(),
    async remove({ hostname }) {
      heard.push([hostname, 'gone'])
    },
    describe: ({ tls }) => (tls === 'off' ? null : 'valid'),
  }
  Object.assign(made.ground, { certificates })
  const words = ['endpoints:create', '--app', 'my-env/my-app', 'a.test', '--tls', '-']
  t.regex((await made.run(made.ann, words, 'rubbish')).err, /That is rubbish \(endpoint-refused\)/)
  t.deepEqual(made.hosts(), [])
  const { out } = await made.run(made.ann, words, 'a PEM')
  t.is(
    out,
    'Endpoint https://a.test:8443/ created for web.\n !     a.test ends soon\nCertificate: valid.\nNothing answers there before the first push.\n',
  )
  await made.create('b.test', '--tls', 'internal')
  await made.destroy('a.test')
  t.deepEqual(heard, [
    ['a.test', 'file', 'a PEM'],
    ['b.test', 'internal', undefined],
    ['a.test', 'gone'],
  ])
})

test('a role that was lost while the file came makes no endpoint', async t => {
  const made = await bench(t)
  made.router.on('replace', () => made.ann.lose())
  t.regex((await made.create('a.test')).err, /app-not-found/)
  t.deepEqual(made.hosts(), [])
})

test('an endpoint is destroyed, by its app only, and its hostname is free again', async t => {
  const made = await bench(t)
  await made.create('a.test')
  await made.create('b.test')
  t.deepEqual(await made.destroy('a.test'), {
    status: 0,
    out: 'Endpoint http://a.test:8080/ destroyed.\n',
    err: '',
  })
  t.deepEqual(await made.router.shown(), ['b.test'])
  t.regex(
    (await made.destroy('a.test')).err,
    /\(not-found\)\n.*It has: b\.test\n.*Did you mean `b\.test`\? `fairlead endpoints` lists them\./,
  )
  t.is((await made.create('a.test')).status, 0)
})

test('destroying an app takes its endpoints off the router and out of the record', async t => {
  const made = await bench(t)
  await made.deployed()
  await made.create('a.test')
  const other = await made.newApp('other')
  made.store.endpoints.create(other.id, {
    ...{ hostname: 'b.test' as Endpoint['hostname'], service: 'web', port: null, path: null, tls: 'off' },
  })
  await made.routing.follow(other, new AbortController().signal)
  const done = await made.run(made.ann, ['apps:destroy', '--app', 'my-env/my-app', '--confirm', 'my-app'])
  t.is(done.status, 0, done.err)
  t.deepEqual([made.hosts(), await made.router.shown()], [['b.test'], ['b.test']])
})

test('who made and destroyed which endpoint is recorded', async t => {
  const made = await bench(t)
  await made.create('a.test', '--port', '80')
  await made.destroy('a.test')
  const { out } = await made.run(made.ann, ['activity', '--environment', 'my-env', '--json'])
  t.like(JSON.parse(out).slice(0, 2), [
    { actor: 'ann', outcome: 'ok' },
    { actor: 'ann', outcome: 'ok' },
  ])
  t.regex(out, /endpoints:destroy[\s\S]*a\.test[\s\S]*endpoints:create[\s\S]*a\.test/)
})
