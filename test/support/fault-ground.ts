// What the tests of faults stand on: a gateway behind a gate to its engine, an app that serves, something to do to it,
// and the one question afterwards: is everything as if nothing had happened?
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import Docker from 'dockerode'
import { busyboxLayer } from './busybox-layer.ts'
import { type EngineGate, engineGate } from './engine-gate.ts'
import { ENGINE_SOCKET } from './engine-proxy.ts'
import { type Checkout, type Finished, startGateway, type TestGateway } from './gateway.ts'
import { onEngine } from './on-engine.ts'
import { processes } from './page.ts'
import { until } from './until.ts'

/** What is done when the fault comes. Each can be done again and again. */
export const DOINGS = ['deploy', 'config:set', 'scale', 'rollback'] as const
export type Doing = (typeof DOINGS)[number]

export interface FaultGround {
  readonly gateway: TestGateway
  readonly gate: EngineGate
  /** An app with two releases, of which the second serves. */
  serving(t: ExecutionContext): Promise<Checkout>
  /** Begins it; resolves when whoever asked was answered. */
  begin(app: Checkout, doing: Doing): Promise<Finished>
  /** Resolves when only containers of one release are left on the engine. Asks nothing of the gateway. */
  settled(app: Checkout): Promise<void>
  /** Exactly one release serves and nothing is left of any other, by what the engine itself and doctor say. */
  sound(t: ExecutionContext, app: Checkout, after: string): Promise<void>
  /** A push goes live, and is sound. @returns its page */
  worksAgain(t: ExecutionContext, app: Checkout, after: string): Promise<string>
  remove(app: Checkout): Promise<void>
  dispose(): Promise<void>
}

/** Which of `total` steps, counted from 1, a run tries: some of them, or all with FAIRLEAD_FAULTS=all. */
export function stepsOf(total: number, some: number): number[] {
  const all = Array.from({ length: total }, (_, i) => i + 1)
  if (process.env.FAIRLEAD_FAULTS === 'all' || total <= some) return all
  return Array.from({ length: some }, (_, i) => Math.ceil(((i + 1) * total) / (some + 1)))
}

export interface FaultGroundOptions {
  /** Of an engine of the test's own, whose containers nobody else reaches. */
  readonly socket?: string
  /** Where the gateway keeps everything. */
  readonly data?: string
}

export async function faultGround({
  socket = ENGINE_SOCKET,
  data,
}: FaultGroundOptions = {}): Promise<FaultGround> {
  const docker = new Docker({ socketPath: socket })
  const root = await busyboxLayer()
  const gate = await engineGate(socket)
  const gateway = await startGateway({
    stack: 'build:\n  floor: 0B\n',
    ...(data !== undefined && { environment: { FAIRLEAD_DATA: data } }),
  })
  const stack = join(gateway.stacks, 'local.yml')
  const settings = readFileSync(stack, 'utf8').replace('/var/run/docker.sock', gate.path)
  // Where the gateway reaches them, nothing settles by time alone.
  const reached = socket === ENGINE_SOCKET
  writeFileSync(stack, reached ? settings.replace('settle: 1s', 'settle: 300s') : settings)
  await gateway.restart()
  let version = 0

  function next(): Record<string, string> {
    version += 1
    return { 'www/index.html': `${version}\n` }
  }

  async function rows(words: string): Promise<Record<string, unknown>[]> {
    const listed = await gateway.ssh(`${words} --json`)
    if (listed.status !== 0) throw new Error(`${words}: ${listed.all}`)
    return JSON.parse(listed.stdout)
  }

  const ground: FaultGround = {
    gateway,
    gate,

    async serving(t) {
      const app = await gateway.app({
        Dockerfile: 'FROM scratch\nADD root.tar /\nCOPY www /www\n',
        Procfile: 'web: exec busybox httpd -f -p "$PORT" -h /www\n',
      })
      writeFileSync(join(app.directory, 'root.tar'), root)
      for (const _ of [1, 2]) {
        const push = await app.push(next())
        t.is(push.status, 0, push.all)
      }
      await ground.sound(t, app, 'a deploy')
      return app
    },

    async begin(app, doing) {
      if (doing === 'deploy') return app.push(next())
      const at = `--app ${app.name}`
      if (doing === 'rollback') return gateway.ssh(`rollback ${at}`)
      if (doing === 'config:set') {
        version += 1
        return gateway.ssh(`config:set ${at} VERSION=${version}`)
      }
      const [web] = await rows(`services ${at}`)
      return gateway.ssh(`apps:scale ${at} web=${web?.count === 1 ? 3 : 1}`)
    },

    async settled(app) {
      await until(`one release of ${app.name} is left`, async () => {
        const { containers } = await onEngine(gateway, app.name, docker)
        return new Set(containers.map(name => /\.(v\d+)\./.exec(name)?.[1])).size === 1
      })
    },

    async sound(t, app, after) {
      let said: Finished | undefined
      await until(`nothing differs after ${after}`, async () => {
        said = await gateway.ssh('doctor')
        // What differs for good is no matter of time: the test is to say what it is.
        return said.status === 0 && said.stderr === ''
      }).catch(error => t.fail(`${error}\n${said?.all}`))
      const [web] = await rows(`services --app ${app.name}`)
      const [live] = (await rows(`releases --app ${app.name}`)).filter(({ state }) => state === 'live')
      const count = Number(web?.count)
      const found = await processes(gateway, app.name)
      t.deepEqual(
        found.map(({ process, release, state }) => [process, release, state]),
        Array.from({ length: count }, (_, i) => [`web.${i + 1}`, live?.release, 'running']),
        `after ${after}`,
      )
      const { containers, networks } = await onEngine(gateway, undefined, docker)
      t.is(containers.length, count, `after ${after}: ${containers}`)
      t.is(networks.length, 1, `after ${after}: ${networks}`)
      const { Containers } = await docker.getNetwork(networks[0] ?? '').inspect()
      t.is(Object.keys(Containers ?? {}).length, count, `addresses in use after ${after}`)
      const pages = await Promise.all(found.map(({ container }) => pageIn(docker, container)))
      t.is(new Set(pages).size, 1, `after ${after}: ${pages}`)
    },

    async worksAgain(t, app, after) {
      const files = next()
      const push = await app.push(files)
      t.is(push.status, 0, `pushing again after ${after}: ${push.all}`)
      await ground.sound(t, app, `pushing again after ${after}`)
      const [web] = await processes(gateway, app.name)
      const expected = files['www/index.html'] ?? ''
      t.is(await pageIn(docker, web?.container ?? ''), expected)
      return expected
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
