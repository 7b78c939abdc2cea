// A credential goes to its host and to no other: seen at registries that remember every Authorization header, whoever
// sent it, the gateway or the engine.
import { randomUUID } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { BASIC_CHALLENGE } from '../support/ask-registry.ts'
import { removeImages } from '../support/build-fixtures.ts'
import {
  type Builder,
  basicOf,
  ENVIRONMENT_OF,
  importLogins,
  say,
  twoBuilders,
} from '../support/credentials.ts'
import { startFakeRegistry } from '../support/fake-registry.ts'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { type RecordingRegistry, sent, startRecordingRegistry } from '../support/recording-registry.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

const SCAN = 'aptible-scan'
const MAIN = ['one', 'two', 'three'] as const
const LOGINS = {
  one: { username: 'robot', password: 'password of one' },
  two: { username: 'robot', password: 'password of two' },
  three: { username: 'cleo', password: 'password of three' },
}
const NARROW = { username: 'narrow', password: 'for a path only' }
const WIDE = { username: 'wide', password: 'for the whole host' }

let gateway: TestGateway
let registries: Record<keyof typeof LOGINS | 'open', TestRegistry>
let doors: Record<keyof typeof LOGINS | 'open', RecordingRegistry>
/** Where `one` redirects to for the repositories `moved/…`: another address, a registry without a login. */
let elsewhere: RecordingRegistry

test.before(async () => {
  const [one, two, three, open] = await Promise.all([
    startRegistry(LOGINS.one),
    startRegistry(LOGINS.two),
    startRegistry(LOGINS.three),
    startRegistry({ anonymous: true }),
  ])
  registries = { one, two, three, open }
  elsewhere = await startRecordingRegistry(open.host, { address: '127.0.0.2' })
  const redirect = ({ path, authorization }: { path: string; authorization: string | null }) =>
    authorization !== null && path.startsWith('/v2/moved/') ? elsewhere.url : null
  doors = {
    one: await startRecordingRegistry(one.host, { redirect }),
    two: await startRecordingRegistry(two.host),
    three: await startRecordingRegistry(three.host),
    open: await startRecordingRegistry(open.host),
  }
  gateway = await startGateway()
  await twoBuilders(gateway)
  for (const environment of Object.values(ENVIRONMENT_OF)) {
    const known = MAIN.map(name => [doors[name].host, LOGINS[name]])
    await importLogins(gateway, `--environment ${environment}`, Object.fromEntries(known))
  }
})
test.after.always(async () => {
  await gateway?.dispose()
  const open = [...Object.values(doors ?? {}), elsewhere]
  await Promise.all([...open, ...Object.values(registries ?? {})].map(each => each?.stop()))
  // The classic builder leaves the bases that it pulled.
  for (const door of open) if (door) await removeImages(door.host)
})

/** Fills a repository with an image that no engine has yet. */
const fill = async (registry: TestRegistry, repository: string) => {
  const content = randomUUID()
  await registry.push(repository, '1', { files: { '/mine': content } })
  return content
}

async function setImage(app: Checkout, image: string): Promise<void> {
  await say(gateway, `config:set --app ${app.name} APTIBLE_DOCKER_IMAGE=${image}`)
}

/** Whatever else was asked meanwhile by other tests. */
function noneStrayed(t: ExecutionContext): void {
  for (const name of MAIN) {
    const strange = doors[name].authorizations().filter(header => header !== basicOf(LOGINS[name]))
    t.deepEqual(strange, [], name)
  }
  for (const door of [doors.open, elsewhere]) t.deepEqual(door.authorizations(), [])
}

for (const builder of ['buildkit', 'classic'] as Builder[]) {
  test(`${builder}: of several registries in one build each gets its own login, which no redirect takes along`, async t => {
    const [repository, moved] = [`acme/${builder}`, `moved/${builder}`]
    const contents = await Promise.all([
      fill(registries.one, repository),
      fill(registries.open, repository),
      fill(registries.three, repository),
      fill(registries.open, moved),
      fill(registries.two, repository),
    ])
    const base = (name: keyof typeof doors, path = repository) => `${doors[name].host}/${path}:1`
    const Dockerfile = [
      `FROM ${base('one')} AS tools`,
      `FROM ${base('open')} AS open`,
      `FROM ${base('two')}`,
      'COPY --from=tools /mine /0',
      'COPY --from=open /mine /1',
      `COPY --from=${base('three')} /mine /2`,
      `COPY --from=${base('one', moved)} /mine /3`,
      `RUN test "$(cat /0 /1 /2 /3 /mine)" = ${contents.join('')}`,
      'CMD ["true"]',
    ].join('\n')
    const app = await gateway.app({ Dockerfile }, { environment: ENVIRONMENT_OF[builder] })
    const push = await app.push({}, SCAN)
    t.is(push.status, 0, push.all)
    for (const name of MAIN) {
      const login = [basicOf(LOGINS[name])]
      t.deepEqual(sent(doors[name], repository), { gateway: login, engine: login, engineCame: true })
    }
    const nothing = { gateway: [], engine: [], engineCame: true }
    t.deepEqual(sent(doors.open, repository), nothing)
    t.deepEqual(sent(elsewhere, moved), nothing)
    noneStrayed(t)
  })
}

test('an image is asked for and pulled with the login of its host, which no redirect takes along', async t => {
  await Promise.all([fill(registries.two, 'acme/pulled'), fill(registries.open, 'moved/pulled')])
  const app = await gateway.app({ Procfile: 'web: true\n' })
  for (const [name, repository] of [
    ['two', 'acme/pulled'],
    ['one', 'moved/pulled'],
  ] as const) {
    await setImage(app, `${doors[name].host}/${repository}:1`)
    const push = await app.push({}, SCAN)
    t.is(push.status, 0, push.all)
    const login = [basicOf(LOGINS[name])]
    t.deepEqual(sent(doors[name], repository), { gateway: login, engine: login, engineCame: true })
  }
  t.deepEqual(sent(elsewhere, 'moved/pulled'), { gateway: [], engine: [], engineCame: true })
  for (const door of [doors.one, doors.three, doors.open]) {
    t.false(door.requests.some(({ path }) => path.includes('acme/pulled')))
  }
  noneStrayed(t)
})

test('a login goes on no redirect to a host that asks for one', async t => {
  const greedy = await startFakeRegistry(() => BASIC_CHALLENGE)
  const luring = await startFakeRegistry(({ path, authorization }) =>
    authorization === null ? BASIC_CHALLENGE : { status: 307, headers: { location: `${greedy.url}${path}` } },
  )
  t.teardown(() => Promise.all([greedy.stop(), luring.stop()]))
  const app = await gateway.app({})
  await importLogins(gateway, `--app ${app.name}`, { [luring.host]: NARROW, [greedy.host]: WIDE })
  const explained = await gateway.ssh(`registry:explain ${luring.host}/acme/app:1 --app ${app.name}`)
  t.is(explained.status, 1, explained.all)
  t.true(luring.authorizations().length > 0)
  t.true(greedy.requests.length > 0)
  t.deepEqual(greedy.authorizations(), [])
})
