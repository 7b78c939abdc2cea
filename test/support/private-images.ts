// A gateway and two registries with different users and passwords: one holds what apps run, the other what they are
// built from. An app gets at neither until a test has handed over the credentials.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeImages } from './build-fixtures.ts'
import {
  type Checkout,
  type Finished,
  makeCheckout,
  type Person,
  startGateway,
  type TestGateway,
} from './gateway.ts'
import { startRegistry, type TestRegistry } from './registry.ts'

export const WEB = 'web: exec busybox httpd -f -p "$PORT" -h /www\n'

export interface PrivateImages {
  readonly gateway: TestGateway
  /** User robot. */
  readonly shop: TestRegistry
  /** User builder. */
  readonly base: TestRegistry
  /** In `shop`; its page says "shop". */
  readonly image: string
  /** An app that runs the image. */
  pulling(environment?: string): Promise<Checkout>
  /** An app that is built from images of both; its page says "base". */
  building(environment?: string): Promise<Checkout>
  /** The companion CLI; anything but success is an error. @returns standard output */
  fairlead(...words: string[]): Promise<string>
  /** A command over plain ssh, which takes a tenth of the time that a start of the companion CLI does. */
  ask(command: string, options?: { as?: Person; stdin?: string | Buffer }): Promise<Finished>
  /** The same; anything but success is an error. @returns standard output */
  run(command: string, options?: { as?: Person; stdin?: string | Buffer }): Promise<string>
  /** @param to `--app …` and the like */
  login(registry: TestRegistry, to: string): Promise<string>
  /** A new file below the gateway's directory. @returns its path */
  file(name: string, content: string | Buffer): string
  dispose(): Promise<void>
}

export async function startPrivateImages(environment: Record<string, string> = {}): Promise<PrivateImages> {
  const [gateway, shop, base] = await Promise.all([
    startGateway({ environment }),
    startRegistry({ username: 'robot', password: 'for>>>the shop???' }),
    startRegistry({ username: 'builder', password: 'for~~~the base???' }),
  ])
  await Promise.all([
    shop.push('acme/shop', 'v1', { files: { '/www/index.html': 'shop\n' } }),
    base.push('acme/base', 'v1', { files: { '/www/index.html': 'base\n' } }),
  ])
  const image = `${shop.host}/acme/shop:v1`
  const dockerfile = `FROM ${base.host}/acme/base:v1 AS base\nFROM ${image}\nCOPY --from=base /www/index.html /www/\n`
  let counter = 0

  async function app(files: Record<string, string>, inside = 'my-env'): Promise<Checkout> {
    const handle = `app-${++counter}`
    const made = await gateway.ssh(`environment:create ${inside} --stack local`)
    if (made.status !== 0 && !made.all.includes('name-taken')) throw new Error(made.all)
    await images.run(`apps:create ${handle} --environment ${inside}`)
    const directory = join(gateway.directory, 'checkouts', handle)
    const checkout = await makeCheckout(directory, gateway.operator, inside, handle)
    await checkout.git('remote', 'add', 'aptible', `${gateway.url}/${inside}/${handle}.git`)
    checkout.write({ Procfile: WEB, ...files })
    return checkout
  }

  const images: PrivateImages = {
    gateway,
    shop,
    base,
    image,
    async pulling(inside) {
      const made = await app({}, inside)
      await images.run(`config:set --app ${made.name} APTIBLE_DOCKER_IMAGE=${image}`)
      return made
    },
    building: inside => app({ Dockerfile: dockerfile }, inside),
    async fairlead(...words) {
      const done = await gateway.fairlead(words)
      if (done.status !== 0) throw new Error(`fairlead ${words.join(' ')}: ${done.all}`)
      return done.stdout
    },
    ask: (command, options) => gateway.ssh(command, options),
    async run(command, options) {
      const done = await gateway.ssh(command, options)
      if (done.status !== 0) throw new Error(`${command}: ${done.all}`)
      return done.stdout
    },
    login: ({ host, username, password }, to) =>
      images.run(`registry:login ${host} --username ${username} --password-stdin ${to}`, { stdin: password }),
    file(name, content) {
      const path = join(gateway.directory, name)
      writeFileSync(path, content)
      return path
    },
    async dispose() {
      const apps: { app: string }[] = JSON.parse(await images.run('apps --json'))
      const destroy = (name: string) =>
        images.run(`apps:destroy --app ${name} --confirm ${name.split('/')[1]}`)
      await Promise.all(apps.map(({ app }) => destroy(app)))
      await gateway.dispose()
      await removeImages(shop.host)
      await removeImages(base.host)
      await shop.stop()
      await base.stop()
    },
  }
  return images
}

type Login = Pick<TestRegistry, 'host' | 'username' | 'password'>

/** What docker writes for a login: base64 of user and password. */
export function encoded({ username, password }: Login): string {
  return Buffer.from(`${username}:${password}`).toString('base64')
}

/** As `docker login` leaves it. */
export function configJson(...logins: Login[]): string {
  const auths = Object.fromEntries(logins.map(login => [login.host, { auth: encoded(login) }]))
  return `${JSON.stringify({ auths }, null, 2)}\n`
}

/** The first line of the Problem that a push or command ended with; everything it said where there is none. */
export function headline({ all }: Pick<Finished, 'all'>): string {
  return /^(?:remote: )? ! {5}(.*\([a-z-]+\)) *$/m.exec(all)?.[1] ?? all
}
