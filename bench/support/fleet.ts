// A gateway with as many apps behind endpoints as are wanted, each a container that serves its own name.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Checkout,
  finish,
  makeCheckout,
  startGateway,
  type TestGateway,
} from '../../test/support/gateway.ts'
import { endHaproxy } from '../../test/support/haproxy.ts'
import { pageByName } from '../../test/support/page.ts'
import { until } from '../../test/support/until.ts'
import { insist } from './by-hand.ts'
import { timed } from './table.ts'

/** Their networks have room for them and their successors. */
const PER_ENVIRONMENT = 25
/** How many apps are made or destroyed at once. */
const HANDS = 4
/** Ends as soon as it is told to, so that nobody waits for its grace. */
const SERVE =
  'echo "$FAIRLEAD_APP" >/www/index.html; trap "exit 0" TERM; httpd -p "$PORT" -h /www; sleep 1000000 & wait'

export interface Fleet extends AsyncDisposable {
  readonly gateway: TestGateway
  /** Makes apps until there are so many. */
  grow(count: number): Promise<void>
  /** Resolves when every app answers to its hostname. */
  routed(): Promise<void>
  /** Of a new commit to the first app. @returns milliseconds of the push */
  deploy(): Promise<number>
  /** Of HAProxy's master. */
  haproxy(): number
  endHaproxy(): Promise<void>
}

/** @param image that holds `/www` */
export async function startFleet(image: string): Promise<Fleet> {
  const gateway = await startGateway({ compiled: true })
  const stack = join(gateway.stacks, 'local.yml')
  writeFileSync(stack, readFileSync(stack, 'utf8').replace('size: 28', 'size: 26'))
  insist(await gateway.ssh('stacks:reload'))
  const checkout = await makeCheckout(join(gateway.directory, 'fleet'), gateway.operator, 'all', 'apps')
  checkout.write({ Procfile: `web: ${SERVE}\n` })
  await checkout.commit()
  const pidFile = join(gateway.data, 'router', 'haproxy.pid')
  const names: string[] = []

  async function make(name: string): Promise<void> {
    const [environment, app] = name.split('/')
    insist(await gateway.ssh(`apps:create ${app} --environment ${environment}`))
    names.push(name)
    insist(await gateway.ssh(`config:set --app ${name} APTIBLE_DOCKER_IMAGE=${image}`))
    insist(await gateway.ssh(`endpoints:create --app ${name}`))
    await push(gateway, checkout, name)
  }

  return {
    gateway,
    async grow(count) {
      const added = Array.from({ length: count - names.length }, (_, i) => nameOf(names.length + i))
      for (const environment of new Set(added.map(name => name.split('/')[0]))) {
        const made = await gateway.ssh(`environment:create ${environment} --stack local`)
        if (!made.all.includes('name-taken')) insist(made)
      }
      await withHands(added, make)
    },
    async routed() {
      await Promise.all(names.map(name => until(`${name} answers`, () => saysItsName(gateway, name))))
    },
    async deploy() {
      await checkout.commit()
      return timed(() => push(gateway, checkout, nameOf(0)))
    },
    haproxy: () => Number(readFileSync(pidFile, 'utf8')),
    endHaproxy: () => endHaproxy(pidFile),
    async [Symbol.asyncDispose]() {
      await withHands(names, async name => {
        await gateway.ssh(`apps:destroy --app ${name} --confirm ${name.split('/')[1]}`)
      })
      await gateway.dispose()
    },
  }
}

const nameOf = (index: number) => `env-${Math.floor(index / PER_ENVIRONMENT)}/app-${index}`

async function push(gateway: TestGateway, { directory }: Checkout, name: string): Promise<void> {
  const words = ['push', '-q', `${gateway.url}/${name}.git`, 'HEAD:refs/heads/master']
  insist(await finish('git', words, { cwd: directory, env: gateway.operator.environment }))
}

async function saysItsName(gateway: TestGateway, name: string): Promise<boolean> {
  const [environment, app] = name.split('/')
  const page = pageByName(gateway, `${app}.${environment}.localhost`).catch(() => '')
  return (await page) === `${name}\n`
}

/** The first failure ends the others, and all of them have ended before it is thrown: nothing is made behind its back. */
async function withHands(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
  const left = names.values()
  const failures: unknown[] = []
  const hand = async () => {
    for (const name of left) {
      if (failures.length > 0) return
      await work(name).catch(error => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: HANDS }, hand))
  if (failures.length > 0) throw failures[0]
}
