// How an Engine behaves, whatever it is made of. Called once for every driver, on ground of its own.
import { EventEmitter, once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import type { Container, ContainerLabels, ContainerSpec } from '../../src/domain/container.ts'
import type { Engine, Network } from '../../src/domain/engine.ts'
import { type Instant, parseInstant, secondsBefore } from '../../src/domain/instant.ts'
import { Problem, type ProblemCode } from '../../src/domain/problem.ts'
import type { RegistryAuth } from '../../src/domain/registry-auth.ts'
import { TooLarge } from '../../src/domain/too-large.ts'
import { listen } from '../support/build-fixtures.ts'
import type { Program } from '../support/fake-host.ts'
import { until } from '../support/until.ts'
import { interactiveConformance, talk } from './interactive.ts'

/** What a driver brings along for its tests; all of it is gone after them. */
export interface Ground {
  /** Drivers of several gateways on the same machine. */
  engine(gatewayId: string): Engine
  /** Two gateway ids that nobody else uses. */
  readonly gatewayId: string
  readonly otherGatewayId: string
  /** Image with ENTRYPOINT ["/bin/entry"], CMD ["web"], ENV COLOR=green, EXPOSE 8080 and 90. */
  readonly image: string
  /** Gives the image another tag. */
  tag(name: string): Promise<void>
  /** The command that has a container behave so. */
  command(program: Program): readonly string[]
  /** What to add to a spec for a container that cannot be started. */
  readonly unstartable: Partial<ContainerSpec>
  /**
   * What to add to a spec for a container that goes on running, with a HEALTHCHECK that prints `not well` and `at all`
   * and exits with 3.
   */
  readonly unhealthy: Partial<ContainerSpec>
  /** Free. All containers of the tests, which run at once, are in the first: it has room for 61. */
  readonly subnets: readonly [string, string, string]
  readonly overlappingFirst: string
  /** The only credential that its registry takes for a push. */
  readonly registry: RegistryAuth
}

const LIMITS = { memory: 32 * 1024 * 1024, cpus: 0.5, pids: 32 }

export function conformance(driver: string, prepare: () => Promise<Ground>): void {
  let ground: Ground
  let engine: Engine
  let other: Engine
  let network: string
  let made = 0
  const signal = new AbortController().signal
  const title = (text: string) => `${driver}: ${text}`

  test.before(async () => {
    ground = await prepare()
    engine = ground.engine(ground.gatewayId)
    other = ground.engine(ground.otherGatewayId)
    network = `fairlead-${ground.gatewayId}.env`
    await engine.ensureNetwork(network, 'env', [ground.subnets[0]], signal)
  })

  function spec(program: Program, changes: Partial<ContainerSpec> = {}): ContainerSpec {
    made += 1
    return {
      name: `fairlead-${ground.gatewayId}.env.app.v1.web.${made}`,
      labels: { environment: 'env', app: 'app', release: 1, process: 'web', index: made, oneOff: true },
      image: ground.image,
      entrypoint: [],
      command: ground.command(program),
      env: new Map(),
      network,
      limits: LIMITS,
      grace: 1,
      ...changes,
    }
  }

  async function started(program: Program, changes: Partial<ContainerSpec> = {}): Promise<string> {
    const id = await engine.create(spec(program, changes), signal)
    await engine.start(id, signal)
    return id
  }

  async function look(id: string): Promise<Container> {
    const container = await engine.inspect(id, signal)
    if (container === null) throw new Error('there is no such container')
    return container
  }

  async function log(id: string, follow = true, lines: number | 'all' = 'all'): Promise<string[]> {
    const seen: string[] = []
    await engine.logs(id, { follow, lines }, line => seen.push(line), signal)
    return seen
  }

  test(title('the facts name versions, platform and builder'), async t => {
    const facts = await engine.facts(signal)
    t.regex(facts.version, /^\d+\.\d+/)
    t.regex(facts.apiVersion, /^1\.\d+$/)
    t.is(facts.platform.os, 'linux')
    t.true(['buildkit', 'classic'].includes(facts.builder))
  })

  test(title('the space on its disk is told, with the directory that it is for'), async t => {
    const space = await engine.diskSpace(signal)
    t.regex(space?.directory ?? '', /^\//)
    t.true(Number.isInteger(space?.free) && (space?.free ?? 0) > 0)
  })

  test(title('an image is found with what it says of itself'), async t => {
    const image = await engine.findImage(ground.image, signal)
    t.deepEqual(image?.entrypoint, ['/bin/entry'])
    t.deepEqual(image?.command, ['web'])
    t.is(image?.env.get('COLOR'), 'green')
    t.deepEqual(image?.exposedPorts, [90, 8080])
    t.deepEqual(image?.platform, (await engine.facts(signal)).platform)
    t.deepEqual(await engine.findImage(image?.id ?? '', signal), image)
  })

  test(title('an image that is not there is null'), async t => {
    t.is(await engine.findImage('fairlead-nobody/has:this', signal), null)
  })

  test(title('tags are listed by repository and taken away again'), async t => {
    const repository = `fairlead-${ground.gatewayId}/env/tagged`
    const id = (await engine.findImage(ground.image, signal))?.id ?? ''
    for (const tag of ['v1', 'v2']) await ground.tag(`${repository}:${tag}`)
    await ground.tag(`${repository}-too:v1`)
    t.deepEqual((await engine.tags(repository, signal)).sort(), [`${repository}:v1`, `${repository}:v2`])
    t.is((await engine.findImage(`${repository}:v2`, signal))?.id, id)
    const all = await engine.tags(null, signal)
    for (const tag of [`${repository}:v1`, `${repository}-too:v1`]) t.true(all.includes(tag), tag)
    t.deepEqual(
      all.filter(tag => !tag.startsWith(`fairlead-${ground.gatewayId}/`)),
      [],
    )
    t.false((await other.tags(null, signal)).some(tag => all.includes(tag)))

    await engine.removeTag(`${repository}:v1`, signal)
    await engine.removeTag(`${repository}-too:v1`, signal)
    t.deepEqual(await engine.tags(repository, signal), [`${repository}:v2`])
    await engine.removeTag(`${repository}:v2`, signal)
    t.is(await engine.findImage(`${repository}:v2`, signal), null)
    t.is((await engine.findImage(ground.image, signal))?.id, id)
    await t.notThrowsAsync(engine.removeTag(`${repository}:v2`, signal))
  })

  test(title('a tag of others is not taken away'), async t => {
    await t.throwsAsync(engine.removeTag(ground.image, signal), { instanceOf: TypeError })
    t.not(await engine.findImage(ground.image, signal), null)
  })

  test(title('many tags of one image can be removed at once'), async t => {
    const tags = Array.from({ length: 20 }, (_, i) => `fairlead-${ground.gatewayId}/env/at-once:op${i}`)
    for (const tag of tags) await ground.tag(tag)
    await Promise.all(tags.map(tag => engine.removeTag(tag, signal)))
    t.deepEqual(await engine.tags(`fairlead-${ground.gatewayId}/env/at-once`, signal), [])
  })

  async function pushable(app: string) {
    const tag = `fairlead-${ground.gatewayId}/env/${app}:op1`
    await ground.tag(tag)
    const auth = ground.registry
    const reference = { host: auth.host, repository: `acme/${app}`, tag: 'v1', digest: null }
    return { tag, reference, auth }
  }

  test(title('an image is pushed, keeps no name but its own, and is pulled by its digest'), async t => {
    const request = await pushable('pushed')
    const name = `${request.reference.host}/acme/pushed`
    const id = (await engine.findImage(request.tag, signal))?.id ?? ''
    const heard = listen()
    const digest = await engine.push(request, heard, signal)
    t.regex(digest, /^sha256:[0-9a-f]{64}$/)
    t.regex(heard.lines.join('\n'), /^ {7}Pushed \d layers?.*B$/)
    t.regex(heard.progressed[0] ?? '', /^ {7}Pushing \d of \d layers, \d+%$/)
    t.is(await engine.findImage(`${name}:v1`, signal), null)
    t.is(await engine.findImage(`${name}@${digest}`, signal), null)
    t.is(await engine.push(request, listen(), signal), digest)

    const passed: string[] = []
    const hear = { named: () => passed.push('named'), unnamed: () => passed.push('unnamed') }
    const pulled = await engine.pull(
      { ...request, ...hear, digest, tag: request.tag.replace('op1', 'op2') },
      listen(),
      signal,
    )
    t.is(pulled.id, id)
    t.deepEqual(passed, ['named', 'unnamed'])
    for (const tag of await engine.tags(`fairlead-${ground.gatewayId}/env/pushed`, signal))
      await engine.removeTag(tag, signal)
  })

  test(
    title('who asked for a push hears of the name that the image bears meanwhile, and of its end'),
    async t => {
      const heard: string[] = []
      const named = () => heard.push('named')
      const unnamed = () => heard.push('unnamed')
      const request = { ...(await pushable('named')), named, unnamed }
      await engine.push(request, listen(), signal)
      t.deepEqual(heard, ['named', 'unnamed'])
      await engine.removeLeftName(request.reference, signal)
      for (const tag of await engine.tags(`fairlead-${ground.gatewayId}/env/named`, signal))
        await engine.removeTag(tag, signal)
    },
  )

  test(title('a push sends no credential to another host, and nothing that is not its own'), async t => {
    const request = await pushable('unpushed')
    const auth = { ...ground.registry, host: 'registry.example' }
    const mismatch = engine.push({ ...request, auth }, listen(), signal)
    await problem(t, mismatch, 'registry-host-mismatch', /is for registry.example, but the image is on/)
    const missing = engine.push({ ...request, tag: `${request.tag}-not` }, listen(), signal)
    await problem(t, missing, 'engine-failed', /There is no image/)
    for (const bad of [
      { ...request, tag: ground.image },
      { ...request, reference: { ...request.reference, tag: null } },
      { ...request, reference: { ...request.reference, digest: `sha256:${'0'.repeat(64)}` } },
    ]) {
      await t.throwsAsync(async () => engine.push(bad, listen(), signal), { instanceOf: TypeError })
    }
    await engine.removeTag(request.tag, signal)
  })

  test(title('a file that a container wrote is read while it runs, and when it has stopped'), async t => {
    const directory = '/run-of/a/generator'
    const content = '{"auths":{}} zwölf €'
    const writes = { [`${directory}/out`]: content, [`${directory}/empty`]: '', '/etc/own': 'own' }
    const links = { [`${directory}/link`]: '/etc/own' }
    const id = await started({ writes, links, prints: ['written'] }, { writableDirectory: directory })
    const seen = new AbortController()
    const written = () => seen.abort(new Error('seen'))
    await t.throwsAsync(engine.logs(id, { follow: true, lines: 'all' }, written, seen.signal), {
      message: 'seen',
    })
    for (const state of ['running', 'exited'] as const) {
      if (state === 'exited') await engine.stop(id, 1, signal)
      t.is((await look(id)).state, state)
      const read = async (path: string, max = 1000) =>
        (await engine.readFile(id, path, max, signal))?.toString() ?? null
      t.is(await read(`${directory}/out`), content)
      t.is(await read(`${directory}/out`, Buffer.byteLength(content)), content)
      t.is(await read(`${directory}/empty`), '')
      t.is(await read('/etc/own'), 'own')
      t.is(await read(`${directory}/nothing`), null)
      t.is(await read('/no/such/directory/file'), null)
      t.is(await read(directory), null)
      // What a link leads to is not what was written there.
      t.is(await read(`${directory}/link`), null)
      const tooLarge = await t.throwsAsync(read(`${directory}/out`, Buffer.byteLength(content) - 1), {
        instanceOf: TooLarge,
      })
      t.is((tooLarge as TooLarge).path, `${directory}/out`)
    }
    t.is(await engine.readFile('0'.repeat(64), '/etc/own', 1000, signal), null)
    await problem(
      t,
      other.readFile(id, '/etc/own', 1000, signal),
      'engine-failed',
      /not made by this gateway/,
    )
    await engine.remove(id, signal)
  })

  test(title('a path that is not plain and absolute is refused'), async t => {
    const id = await engine.create(spec({}), signal)
    for (const path of [
      '',
      '/',
      'etc/own',
      '/etc/../own',
      '/..',
      '/etc/./own',
      '/etc//own',
      '/etc/',
      '/a\0b',
    ]) {
      await t.throwsAsync(async () => engine.readFile(id, path, 1000, signal), { instanceOf: TypeError })
      const bad = spec({}, { writableDirectory: path })
      await t.throwsAsync(async () => engine.create(bad, signal), { instanceOf: TypeError })
      t.false((await engine.list({}, signal)).some(({ name }) => name === bad.name))
    }
  })

  test(
    title('a network takes the first free subnet, once, and passes over those that are taken'),
    async t => {
      const name = `${network}-two`
      const subnets = [ground.subnets[0], ground.overlappingFirst, ground.subnets[1], ground.subnets[2]]
      const both = [
        engine.ensureNetwork(name, 'two', subnets, signal),
        engine.ensureNetwork(name, 'two', subnets, signal),
      ]
      t.deepEqual(await Promise.all(both), [ground.subnets[1], ground.subnets[1]])
      t.is(await engine.ensureNetwork(name, 'two', [ground.subnets[2]], signal), ground.subnets[1])
      const named = (found: readonly Network[]) => found.filter(each => each.name === name)
      const made = { name, environment: 'two', subnet: ground.subnets[1] }
      t.deepEqual(named(await engine.networks(signal)), [made])
      t.deepEqual(named(await other.networks(signal)), [])
      await engine.removeNetwork(name, signal)
      await t.notThrowsAsync(engine.removeNetwork(name, signal))
      t.is(await engine.ensureNetwork(name, 'two', [ground.subnets[2]], signal), ground.subnets[2])
      await engine.removeNetwork(name, signal)
    },
  )

  test(title('without a free subnet there is no network'), async t => {
    const none = engine.ensureNetwork(`${network}-none`, 'none', [ground.subnets[0]], signal)
    await problem(t, none, 'network-pool-exhausted', /no free subnet left for environment none/)
  })

  test(title("another gateway's network is neither used nor removed"), async t => {
    await problem(
      t,
      other.ensureNetwork(network, 'env', [ground.subnets[2]], signal),
      'engine-failed',
      /not made by this gateway/,
    )
    await problem(t, other.removeNetwork(network, signal), 'engine-failed', /not made by this gateway/)
    t.is(await engine.ensureNetwork(network, 'env', [], signal), ground.subnets[0])
  })

  test(title('a container is created, runs with an address, stops and is gone'), async t => {
    const wanted = spec({})
    const id = await engine.create(wanted, signal)
    const created = await look(id)
    t.like(created, { id, name: wanted.name, labels: wanted.labels, state: 'created', address: null })

    await engine.start(id, signal)
    const running = await look(id)
    t.is(running.state, 'running')
    t.regex(running.status, /^Up /)
    t.is(
      running.address?.split('.').slice(0, 3).join('.'),
      ground.subnets[0].split('.').slice(0, 3).join('.'),
    )

    await engine.stop(id, 1, signal)
    t.like(await look(id), { state: 'exited', address: null })
    await engine.remove(id, signal)
    t.is(await engine.inspect(id, signal), null)
  })

  test(title('starting, stopping and removing twice is success'), async t => {
    const id = await started({})
    await engine.start(id, signal)
    for (const _ of [1, 2]) await engine.stop(id, 1, signal)
    for (const _ of [1, 2]) await engine.remove(id, signal)
    await t.notThrowsAsync(engine.stop(id, 1, signal))
  })

  test(title('a running container is removed by force'), async t => {
    const id = await started({})
    await engine.remove(id, signal)
    t.is(await engine.inspect(id, signal), null)
  })

  test(title('a left-over of ours with the same name is replaced'), async t => {
    const wanted = spec({})
    const first = await engine.create(wanted, signal)
    await engine.start(first, signal)
    const second = await engine.create(wanted, signal)
    t.is(await engine.inspect(first, signal), null)
    t.is((await look(second)).state, 'created')
  })

  test(title("another gateway's containers are not shown, replaced, stopped or removed"), async t => {
    const wanted = spec({}, { labels: { ...spec({}).labels, app: 'mine' } })
    const id = await engine.create(wanted, signal)
    await engine.start(id, signal)
    t.is(await other.inspect(id, signal), null)
    t.deepEqual(await other.list({ app: 'mine' }, signal), [])
    const refusal = /not made by this gateway/
    await problem(t, other.create(wanted, signal), 'engine-failed', refusal)
    await problem(t, other.stop(id, 1, signal), 'engine-failed', refusal)
    await problem(t, other.remove(id, signal), 'engine-failed', refusal)
    await problem(t, other.start(id, signal), 'engine-failed', refusal)
    await problem(
      t,
      other.logs(id, { follow: false, lines: 'all' }, () => {}, signal),
      'engine-failed',
      refusal,
    )
    t.is((await look(id)).state, 'running')
  })

  test(title('containers are listed by environment and app'), async t => {
    const labels = { environment: 'listed', app: 'a', release: 7, process: 'worker', index: 2, oneOff: false }
    const a = await engine.create(spec({}, { labels }), signal)
    const b = await engine.create(spec({}, { labels: { ...labels, app: 'b' } }), signal)
    const ids = (found: Container[]) => found.map(container => container.id).sort()
    t.deepEqual(ids(await engine.list({ environment: 'listed' }, signal)), [a, b].sort())
    t.deepEqual(ids(await engine.list({ environment: 'listed', app: 'b' }, signal)), [b])
    t.true(ids(await engine.list({}, signal)).includes(a))
    t.deepEqual((await engine.list({ environment: 'listed', app: 'a' }, signal))[0]?.labels, labels)
    const later = await engine.create(spec({}, { labels: { ...labels, startedBy: 12 } }), signal)
    t.deepEqual((await engine.inspect(later, signal))?.labels, { ...labels, startedBy: 12 })
  })

  test(title('the exit that was asked about before the start is told, however soon it comes'), async t => {
    const codes = Array.from({ length: 30 }, (_, i) => i + 1)
    for (const code of codes) {
      const id = await engine.create(spec({ exits: code }), signal)
      const exit = engine.nextExit(id, signal)
      await engine.start(id, signal)
      t.is(await exit, code)
      t.is((await look(id)).state, 'exited')
      await engine.remove(id, signal)
    }
  })

  test(title('a container that exits is started again only once it is kept running'), async t => {
    const id = await engine.create(spec({ exits: 5 }), signal)
    const first = engine.nextExit(id, signal)
    await engine.start(id, signal)
    t.is(await first, 5)
    t.is((await look(id)).state, 'exited')

    await engine.keepRunning(id, signal)
    const second = engine.nextExit(id, signal)
    await engine.start(id, signal)
    // Its code is not looked at: where a restart follows at once, an engine of 20.10 reads it after that reset it to 0.
    await t.notThrowsAsync(second)
    t.true(['restarting', 'running'].includes((await look(id)).state))
    await engine.remove(id, signal)
    await problem(t, engine.keepRunning(id, signal), 'engine-failed', /keep container|No such container/)
  })

  test(title('being stopped is an exit too'), async t => {
    const id = await started({ prints: ['ready'] })
    // What is only about to run its program does not hear SIGTERM yet, and would be killed.
    await until('it is ready', async () => (await log(id, false)).includes('ready'))
    const exit = engine.nextExit(id, signal)
    const other = engine.nextExit(id, signal)
    // Both have to be asked before the stop, and only a start waits for them.
    await engine.start(id, signal)
    await engine.stop(id, 1, signal)
    t.deepEqual([await exit, await other], [143, 143])
  })

  test(title('one that is told to stop ends by itself within its grace, and is killed after it'), async t => {
    for (const [stops, grace, code] of [
      [7, 60, 7],
      ['never', 1, 137],
    ] as const) {
      const id = await started({ prints: ['ready'], stops })
      await until('it is ready', async () => (await log(id, false)).includes('ready'))
      const exit = engine.nextExit(id, signal)
      await engine.start(id, signal) // Only a start waits until the exit is watched for.
      await engine.stop(id, grace, AbortSignal.timeout(30_000))
      t.is(await exit, code)
      await engine.remove(id, signal)
    }
  })

  test(title('what cannot be started is a Problem with the words of the engine'), async t => {
    const id = await engine.create(
      spec({ cannotStart: 'unable to find user nosuch' }, ground.unstartable),
      signal,
    )
    const found = await problem(t, engine.start(id, signal), 'container-not-started', /could not be started/)
    t.regex(found?.saw ?? '', /unable to find user nosuch/)
  })

  test(title('the log comes in whole lines and in order, to its end'), async t => {
    const prints = ['first', '', 'x'.repeat(20_000), 'zwölf Boxkämpfer €', 'last']
    const id = await started({ prints, exits: 0 })
    t.deepEqual(await log(id), prints)
    t.deepEqual(await log(id, false), prints)
    t.deepEqual(await log(id, false, 2), prints.slice(-2))
  })

  // By itself: the network of these tests has few addresses.
  test.serial(title('each line of a log has its time, and a log can be read from a time on'), async t => {
    const before = await engine.now(signal)
    const id = await started({ prints: ['first', 'x'.repeat(40_000), 'last'], exits: 0 })
    await log(id)
    const read = async (since?: Instant) => {
      const seen: { text: string; at: Instant }[] = []
      const options = { follow: false, lines: 'all', ...(since !== undefined && { since }) } as const
      await engine.logs(id, options, (text, at) => seen.push({ text, at }), signal)
      return seen
    }
    const all = await read()
    t.deepEqual(
      all.map(({ text }) => text.length),
      [5, 40_000, 4],
    )
    for (const { at } of all) t.is(parseInstant(at), at)
    t.true(all.every(({ at }) => at > before))
    const last = all.at(-1)
    t.deepEqual(
      await read(last?.at),
      all.filter(({ at }) => at >= (last?.at ?? '')),
    )
    t.deepEqual(await read(secondsBefore(before, 3600)), all)
    t.deepEqual(await read(await engine.now(signal)), [])
  })

  // By itself: the network of these tests has few addresses.
  test.serial(title('a container tells its condition, and while it runs what it uses'), async t => {
    const id = await started({ prints: ['ready'] })
    t.deepEqual(await engine.condition(id, signal), {
      health: null,
      healthRuns: [],
      restarts: 0,
      kept: false,
    })
    await engine.keepRunning(id, signal)
    const usage = await engine.usage(id, signal)
    t.true(usage !== null && usage.cpus >= 0 && usage.cpus < 1000 && usage.memory > 0, JSON.stringify(usage))
    // Null: the engine may count its processes apart from this test.
    t.true([null, 0].includes((await engine.listening(id, signal))?.length ?? null))
    await engine.stop(id, 1, signal)
    t.is(await engine.usage(id, signal), null)
    t.is(await engine.listening(id, signal), null)
    t.deepEqual(await engine.condition(id, signal), {
      health: null,
      healthRuns: [],
      restarts: 0,
      kept: true,
    })
    t.is(await engine.condition('0'.repeat(64), signal), null)
    t.is(await engine.usage('0'.repeat(64), signal), null)
    for (const call of [other.condition(id, signal), other.usage(id, signal), other.listening(id, signal)])
      await problem(t, call, 'engine-failed', /not made by this gateway/)
    await engine.remove(id, signal)
  })

  test(title('what the HEALTHCHECK of an image found, and what it printed, is in the condition'), async t => {
    const id = await started({}, ground.unhealthy)
    const seen = await until('it is unhealthy', async () => {
      const condition = await engine.condition(id, signal)
      return condition?.health === 'unhealthy' && condition
    })
    t.true(seen.healthRuns.length > 0)
    for (const run of seen.healthRuns) t.deepEqual(run, { exitCode: 3, output: 'not well\nat all\n' })
    await engine.remove(id, signal)
  })

  test(title('what happens to its containers is told while it happens, and nothing of others'), async t => {
    const told: string[] = []
    const told2: string[] = []
    const leave = new AbortController()
    const news = new EventEmitter()
    const hear = (list: string[]) => (labels: ContainerLabels | null) => {
      if (labels === null) news.emit('watching')
      else if (labels.app === 'told') list.push(JSON.stringify(labels))
      news.emit('news')
    }
    const watching = [once(news, 'watching'), engine.watch(hear(told), leave.signal)] as const
    await watching[0]
    const watchingToo = [once(news, 'watching'), other.watch(hear(told2), leave.signal)] as const
    await watchingToo[0]

    const labels = { environment: 'env', app: 'told', release: 3, process: 'web', index: 1, port: 8080 }
    const id = await started({}, { labels: { ...labels, oneOff: false } })
    const count = async (n: number) => {
      while (told.length < n) await once(news, 'news')
    }
    await count(1)
    await engine.stop(id, 1, signal)
    await count(2)
    await engine.remove(id, signal)
    await count(3)
    t.deepEqual(
      told.map(each => JSON.parse(each)),
      Array(3).fill({ ...labels, oneOff: false }),
    )
    t.deepEqual(told2, [])

    const reason = new Error('enough seen')
    leave.abort(reason)
    for (const each of [watching[1], watchingToo[1]]) t.is(await t.throwsAsync(each), reason)
  })

  test(title('a log is followed until the container stops'), async t => {
    const id = await started({ prints: ['ready'] })
    const seen: string[] = []
    const ready = Promise.withResolvers<void>()
    const end = engine.logs(
      id,
      { follow: true, lines: 'all' },
      line => {
        seen.push(line)
        ready.resolve()
      },
      signal,
    )
    await ready.promise
    await engine.stop(id, 1, signal)
    await end
    t.deepEqual(seen, ['ready'])
  })

  test(title('a container that is gone has an empty log'), async t => {
    t.deepEqual(await log('0'.repeat(64)), [])
  })

  test(title('following a log and waiting for an exit end with the reason of the abort'), async t => {
    const id = await started({ prints: ['ready'] })
    const abort = new AbortController()
    const reason = new Error('the pusher left')
    const ready = Promise.withResolvers<void>()
    const following = engine.logs(id, { follow: true, lines: 'all' }, () => ready.resolve(), abort.signal)
    const waiting = engine.nextExit(id, abort.signal)
    await ready.promise
    abort.abort(reason)
    t.is(await t.throwsAsync(following), reason)
    t.is(await t.throwsAsync(waiting), reason)
    t.is((await look(id)).state, 'running')
  })

  test(title('no call does anything once its signal is aborted'), async t => {
    const reason = new Error('cancelled before')
    const aborted = AbortSignal.abort(reason)
    const id = await started({})
    const tag = `fairlead-${ground.gatewayId}/env/never:v1`
    const push = await pushable('never')
    const calls = [
      engine.facts(aborted),
      engine.diskSpace(aborted),
      engine.trimBuildCache(2 ** 40, aborted),
      engine.now(aborted),
      engine.condition(id, aborted),
      engine.usage(id, aborted),
      engine.listening(id, aborted),
      engine.findImage(ground.image, aborted),
      engine.removeTag(tag, aborted),
      engine.push(push, listen(), aborted),
      engine.readFile(id, '/etc/passwd', 1000, aborted),
      engine.tags(ground.image, aborted),
      engine.ensureNetwork(`${network}-never`, 'never', [ground.subnets[2]], aborted),
      engine.networks(aborted),
      engine.removeNetwork(network, aborted),
      engine.create(spec({}), aborted),
      engine.start(id, aborted),
      engine.keepRunning(id, aborted),
      engine.nextExit(id, aborted),
      engine.attach(id, talk(), aborted),
      engine.resize(id, { columns: 80, rows: 24 }, aborted),
      engine.inspect(id, aborted),
      engine.stop(id, 1, aborted),
      engine.remove(id, aborted),
      engine.list({}, aborted),
      engine.watch(() => {}, aborted),
      engine.logs(id, { follow: false, lines: 'all' }, () => {}, aborted),
    ]
    for (const outcome of await Promise.allSettled<unknown>(calls)) {
      t.deepEqual(outcome, { status: 'rejected', reason })
    }
    t.is((await look(id)).state, 'running')
    t.is(await engine.findImage(tag, signal), null)
  })

  interactiveConformance(title, {
    get engine() {
      return engine
    },
    get other() {
      return other
    },
    spec,
    state: async id => (await look(id)).state,
  })
}

/** Fails the test unless the call ends with such a Problem. */
export async function problem(
  t: ExecutionContext,
  call: Promise<unknown>,
  code: ProblemCode,
  words: RegExp,
): Promise<Problem | undefined> {
  const thrown = await t.throwsAsync(call, { instanceOf: Problem })
  t.is(thrown?.code, code, thrown?.message)
  t.regex(`${thrown?.headline}\n${thrown?.saw}`, words)
  return thrown
}
