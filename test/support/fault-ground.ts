// What the tests of faults stand on: a gateway behind gates to its engine and to its router, an app that serves, something
// to do to it that is struck at every request that it makes of one of them, and the one question afterwards: is everything
// as if nothing had happened?
//
// The app has a web that is replaced start-first, behind a hostname where the router reaches it, and a worker that is
// replaced stop-first.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import Docker from 'dockerode'
import { busyboxLayer } from './busybox-layer.ts'
import { ENGINE_SOCKET } from './engine-proxy.ts'
import { ALL, type Fault, stepsSince, strikeAt } from './fault-steps.ts'
import { engineGate, type Gate } from './gate.ts'
import { type Checkout, type Finished, startGateway, type TestGateway } from './gateway.ts'
import { onEngine } from './on-engine.ts'
import { operatorsRouter } from './operators-router.ts'
import { pageByName, processes } from './page.ts'
import { until } from './until.ts'

/** What is done when the fault comes. Each can be done again and again. */
export const DOINGS = ['deploy', 'config:set', 'scale', 'rollback', 'restart', 'a deploy that fails'] as const
/** Asks little of the engine, and most of the router. */
export const MODIFY = 'endpoints:modify'
export type Doing = (typeof DOINGS)[number] | typeof MODIFY

/** Where every web listens: `endpoints:modify` leads requests to one and the other in turn. */
const PORT = 5000
const OTHER_PORT = 5001

export interface FaultGround {
  readonly gateway: TestGateway
  readonly gate: Gate
  /** Null unless the router is one of an operator's behind a gate. */
  readonly routerGate: Gate | null
  /** An app that was never deployed. */
  app(): Promise<Checkout>
  /** One with two releases, of which the second serves. */
  serving(t: ExecutionContext): Promise<Checkout>
  begin(app: Checkout, doing: Doing): Promise<Finished>
  /** Exactly one release serves and nothing is left of any other, by what the engine itself and doctor say. */
  sound(t: ExecutionContext, app: Checkout, after: string): Promise<void>
  /** A push goes live, and is sound. */
  worksAgain(t: ExecutionContext, app: Checkout, after: string): Promise<void>
  /**
   * Does it again and again, and strikes it each time at another of the requests that it makes of the engine, until what
   * it has replaced is gone. After each, everything is sound and a push works.
   * @param some how many steps are struck in a run of all tests
   * @param gate another one than that of the engine
   */
  strikeEach(
    t: ExecutionContext,
    app: Checkout,
    doing: Doing,
    fault: Fault,
    some: number,
    gate?: Gate,
  ): Promise<void>
  /** A strike: `kill -9`, and the next gateway when what was held has gone on. */
  readonly killGateway: Fault['strike']
  /** Nothing of any app is left, by what the engine itself and doctor say. */
  bare(t: ExecutionContext, after: string): Promise<void>
  remove(app: Checkout): Promise<void>
  dispose(): Promise<void>
}

export interface FaultGroundOptions {
  /** Of an engine of the test's own, whose containers nobody else reaches. */
  readonly socket?: string
  /** Of what builds leave there, how much may stay: all, where it is left out. */
  readonly cache?: string
  /** Where the gateway keeps everything. */
  readonly data?: string
  /** The router is one that an operator runs, behind a gate. */
  readonly gatedRouter?: boolean
}

export async function faultGround({
  socket = ENGINE_SOCKET,
  cache,
  data,
  gatedRouter = false,
}: FaultGroundOptions = {}): Promise<FaultGround> {
  const docker = new Docker({ socketPath: socket })
  const root = await busyboxLayer()
  const gate = await engineGate(socket)
  const router = gatedRouter ? await operatorsRouter() : null
  const gateway = await startGateway({
    stack: `build:\n  floor: 0B\n${cache === undefined ? '' : `  cache: ${cache}\n`}`,
    environment: {
      ...(data !== undefined && { FAIRLEAD_DATA: data }),
      ...(router !== null && { FAIRLEAD_ROUTER_SOCKET: router.gate.path }),
    },
  })
  const stack = join(gateway.stacks, 'local.yml')
  const settings = readFileSync(stack, 'utf8').replace('/var/run/docker.sock', gate.path)
  writeFileSync(stack, settings)
  const reached = socket === ENGINE_SOCKET
  await gateway.restart()
  let version = 0
  /** Containers of its web, as was asked for last. */
  const webs = new Map<string, number>()

  function next(worker = 'exec sleep 3600'): Record<string, string> {
    version += 1
    return {
      'www/index.html': `${version}\n`,
      Procfile: `web: busybox httpd -p ${OTHER_PORT} -h /www; exec busybox httpd -f -p ${PORT} -h /www\nworker: ${worker}\n`,
    }
  }

  async function rows(words: string): Promise<Record<string, unknown>[]> {
    const listed = await gateway.ssh(`${words} --json`)
    if (listed.status !== 0) throw new Error(`${words}: ${listed.all}`)
    return JSON.parse(listed.stdout)
  }

  const hostnameOf = (app: Checkout) => `${app.app}.${app.environment}.localhost`

  async function succeeds(words: string): Promise<void> {
    const done = await gateway.ssh(words)
    if (done.status !== 0) throw new Error(`${words}: ${done.all}`)
  }

  async function begin(app: Checkout, doing: Doing): Promise<Finished> {
    const at = `--app ${app.name}`
    if (doing === 'deploy') return app.push(next())
    if (doing === 'a deploy that fails') return app.push(next('exit 3'))
    if (doing === 'config:set') {
      version += 1
      return gateway.ssh(`config:set ${at} VERSION=${version}`)
    }
    if (doing === MODIFY) {
      const hostname = hostnameOf(app)
      const [endpoint] = await rows(`endpoints ${at}`)
      const port = endpoint?.port === OTHER_PORT ? PORT : OTHER_PORT
      return gateway.ssh(`endpoints:modify ${hostname} --port ${port} ${at}`)
    }
    if (doing !== 'scale') return gateway.ssh(`${doing} ${at}`)
    const web = (await rows(`services ${at}`)).find(row => row.process === 'web')
    const count = web?.count === 1 ? 3 : 1
    webs.set(app.name, count)
    return gateway.ssh(`apps:scale ${at} web=${count}`)
  }

  /** Only what serves after it has succeeded is left on the engine. Asks nothing of the gateway. */
  async function settled(app: Checkout): Promise<void> {
    await until(`one release of ${app.name} is left`, async () => {
      // It may be what is struck.
      const { containers } = await onEngine(gateway, app.name, docker).catch(() => ({ containers: [] }))
      const releases = new Set(containers.map(name => /\.(v\d+)\./.exec(name)?.[1]))
      return releases.size === 1 && containers.length === (webs.get(app.name) ?? 1) + 1
    })
  }

  async function wellByDoctor(t: ExecutionContext, after: string): Promise<void> {
    let said: Finished | undefined
    await until(`nothing differs after ${after}`, async () => {
      said = await gateway.ssh('doctor')
      // What differs for good is no matter of time: the test is to say what it is.
      return said.status === 0 && said.stderr === ''
    }).catch(error => t.fail(`${error}\n${said?.all}`))
  }

  const ground: FaultGround = {
    gateway,
    gate,
    routerGate: router?.gate ?? null,
    begin,

    async app() {
      const app = await gateway.app({ Dockerfile: 'FROM scratch\nADD root.tar /\nCOPY www /www\n' })
      writeFileSync(join(app.directory, 'root.tar'), root)
      const create = `endpoints:create --service web --app ${app.name}`
      if (router?.isRunning() === false) {
        // It writes what HAProxy is to do before it says that none runs.
        await gateway.ssh(create)
        await router.start(join(gateway.data, 'router', 'haproxy.cfg'))
      }
      if (reached) await succeeds(create)
      return app
    },

    async serving(t) {
      const app = await ground.app()
      for (const _ of [1, 2]) {
        const push = await app.push(next())
        t.is(push.status, 0, push.all)
      }
      if (!reached) await succeeds(`services:settings web --rollout start-first --app ${app.name}`)
      await ground.sound(t, app, 'a deploy')
      return app
    },

    async sound(t, app, after) {
      await wellByDoctor(t, after)
      const services = await rows(`services --app ${app.name}`)
      const [live] = (await rows(`releases --app ${app.name}`)).filter(({ state }) => state === 'live')
      const found = await processes(gateway, app.name)
      const expected = services.flatMap(({ process, count }) =>
        Array.from({ length: Number(count) }, (_, i) => [`${process}.${i + 1}`, live?.release, 'running']),
      )
      t.deepEqual(
        found.map(({ process, release, state }) => [process, release, state]),
        expected,
        `after ${after}`,
      )
      const { containers, networks } = await onEngine(gateway, undefined, docker)
      t.is(containers.length, expected.length, `after ${after}: ${containers}`)
      t.is(networks.length, 1, `after ${after}: ${networks}`)
      const { Containers } = await docker.getNetwork(networks[0] ?? '').inspect()
      t.is(Object.keys(Containers ?? {}).length, expected.length, `addresses in use after ${after}`)
      const webs = found.filter(({ process }) => process.startsWith('web.'))
      const pages = await Promise.all(webs.map(({ container }) => pageIn(docker, container)))
      if (reached) pages.push(await pageByName(gateway, hostnameOf(app)))
      t.is(new Set(pages).size, 1, `after ${after}: ${pages}`)
    },

    async worksAgain(t, app, after) {
      const files = next()
      const push = await app.push(files)
      t.is(push.status, 0, `pushing again after ${after}: ${push.all}`)
      await ground.sound(t, app, `pushing again after ${after}`)
      const web = (await processes(gateway, app.name)).find(({ process }) => process === 'web.1')
      t.is(await pageIn(docker, web?.container ?? ''), files['www/index.html'] ?? '')
    },

    async killGateway(held, answered) {
      await gateway.crash()
      held.release()
      await answered
      await gateway.restart()
    },

    async bare(t, after) {
      await wellByDoctor(t, after)
      const { containers, networks, tags } = await onEngine(gateway, undefined, docker)
      t.deepEqual([...containers, ...networks, ...tags], [], `after ${after}`)
    },

    async strikeEach(t, app, doing, fault, some, at = gate) {
      const before = at.requests.length
      const done = await begin(app, doing)
      t.is(done.status === 0, doing !== 'a deploy that fails', done.all)
      await settled(app)
      const steps = stepsSince(at, before, fault, some)
      await ground.sound(t, app, doing)

      const struck: number[] = []
      for (const step of steps) {
        const after = `${fault.name} at step ${step} of ${doing}`
        const doIt = { begin: () => begin(app, doing), over: () => settled(app) }
        if (await strikeAt(at, step, fault, doIt)) struck.push(step)
        await ground.sound(t, app, after)
        await ground.worksAgain(t, app, after)
      }
      if (!ALL) t.is(struck.length, steps.length, 'it ended before it was struck')
      t.log(`struck at ${struck.length} of ${steps.length} steps: ${struck.join(' ')}`)
    },

    async remove(app) {
      await gate.open()
      const removed = await gateway.ssh(`apps:destroy --app ${app.name} --confirm ${app.app}`)
      if (removed.status !== 0) throw new Error(removed.all)
    },

    async dispose() {
      await gate.open()
      await gateway.dispose()
      await gate.remove()
      await router?.remove()
    },
  }
  return ground
}

/** What the container's own program answers, asked from within. */
async function pageIn(docker: Docker, container: string): Promise<string> {
  const ask = ['busybox', 'wget', '-q', '-O', '-', 'http://127.0.0.1:5000/']
  const exec = await docker.getContainer(container).exec({ Cmd: ask, AttachStdout: true, Tty: true })
  const output = await exec.start({ hijack: true, stdin: false, Tty: true })
  return (await text(output)).replaceAll('\r', '')
}
