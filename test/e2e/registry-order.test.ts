// The credentials for one host are offered in a fixed order, and the next only when a registry refuses the one before:
// seen in what registries were sent.
import { randomUUID } from 'node:crypto'
import test from 'ava'
import { BASIC_CHALLENGE } from '../support/ask-registry.ts'
import { basicOf, importLogins, say } from '../support/credentials.ts'
import {
  errorBody,
  type FakeAnswer,
  type FakeRegistry,
  type FakeRequest,
  startFakeRegistry,
} from '../support/fake-registry.ts'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { livePush, NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { type RecordingRegistry, sent, startRecordingRegistry } from '../support/recording-registry.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const SCAN = 'aptible-scan'
const NARROW = { username: 'narrow', password: 'for a path only' }
const WIDE = { username: 'wide', password: 'for the whole host' }

let gateway: TestGateway
let registry: TestRegistry
/** The way to it that remembers. */
let door: RecordingRegistry
/** Answers by the first part of the repository's name. */
let fake: FakeRegistry

test.before(async () => {
  ;[registry, fake, gateway] = await Promise.all([
    startRegistry(),
    startFakeRegistry(scripted),
    startGateway(),
  ])
  door = await startRecordingRegistry(registry.host)
})
test.after.always(async () => {
  await gateway?.dispose()
  await Promise.all([door, registry, fake].map(each => each?.stop()))
})

function scripted({ path, authorization }: FakeRequest): FakeAnswer {
  const [, , what = ''] = path.split('/')
  if (authorization === null) return BASIC_CHALLENGE
  if (what === 'hang' || what === 'cut') return what
  if (authorization !== basicOf(NARROW)) return { status: 403, body: errorBody('DENIED', 'not for wide') }
  return { status: Number(what), body: errorBody('UNKNOWN', 'not for narrow') }
}

async function setImage(app: Checkout, image: string): Promise<void> {
  await say(gateway, `config:set --app ${app.name} APTIBLE_DOCKER_IMAGE=${image}`)
}

test('the names of Docker Hub are one host', async t => {
  await say(gateway, 'environment:create hub --stack local')
  const login = (host: string) =>
    say(
      gateway,
      `registry:login ${host} --username acme --password-stdin --no-check --environment hub`,
      'hub token',
    )
  t.is(
    await login('index.docker.io'),
    'Stored for the environment hub: user acme at docker.io (not checked).\n',
  )
  t.regex(await login('registry-1.docker.io'), /^Login replaced .* at docker\.io /)
  const listed = JSON.parse(await say(gateway, 'registry:list --environment hub --json'))
  t.deepEqual(
    listed.map((row: { for: string }) => row.for),
    ['docker.io'],
  )
})

test('the longest path by whole segments is offered first, and after a 401 the next', async t => {
  for (const repository of ['team/app', 'team2/app']) {
    // No engine has it yet.
    await registry.push(repository, '1', { files: { '/mine': randomUUID() } })
  }
  const { host } = door
  const app = await gateway.app({ Procfile: 'web: true\n' })
  const logins = { [host]: registry, [`${host}/team`]: NARROW, [`${host}/team/ap`]: WIDE }
  await importLogins(gateway, `--app ${app.name}`, logins)

  await setImage(app, `${host}/team/app:1`)
  const within = await app.push({}, SCAN)
  t.is(within.status, 0, within.all)
  const source = `(registry:login for the app ${app.name})`
  t.deepEqual(remoteLines(within).slice(0, 2), [
    `-----> Pulling ${host}/team/app:1 as narrow ${source}`,
    `       refused; trying as robot ${source}`,
  ])
  const own = basicOf(registry)
  t.deepEqual(sent(door, 'team/app'), { gateway: [basicOf(NARROW), own], engine: [own], engineCame: true })

  await setImage(app, `${host}/team2/app:1`)
  const beside = await app.push({}, SCAN)
  t.is(beside.status, 0, beside.all)
  t.deepEqual(sent(door, 'team2/app'), { gateway: [own], engine: [own], engineCame: true })
})

/** What the fake was sent for a repository, each once. */
const offered = (repository: string) => [
  ...new Set(
    fake.requests
      .filter(({ path }) => path.startsWith(`/v2/${repository}/`))
      .flatMap(({ authorization }) => authorization ?? []),
  ),
]

test('after 401 and 403 the next is tried, not after what any login would be told', async t => {
  const app = await gateway.app({ Procfile: 'web: true\n' })
  const whats = ['401', '403', '404', '429', '500', 'cut', 'hang']
  const narrow = whats.map(what => [`${fake.host}/${what}`, NARROW])
  await importLogins(gateway, `--app ${app.name}`, { ...Object.fromEntries(narrow), [fake.host]: WIDE })
  const [first, second] = [NARROW, WIDE].map(basicOf)

  for (const [what, code, logins] of [
    ['401', 'registry-login-failed', [first, second]],
    ['403', 'registry-denied', [first, second]],
    ['404', 'tag-not-found', [first]],
    ['429', 'registry-rate-limited', [first]],
    ['500', 'registry-failed', [first]],
    ['cut', 'registry-unreachable', [first]],
  ] as const) {
    const explained = await gateway.ssh(`registry:explain ${fake.host}/${what}/app:1 --app ${app.name}`)
    t.regex(explained.stderr, new RegExp(`^ !     .*\\(${code}\\)$`, 'm'), what)
    t.deepEqual(offered(`${what}/app`), logins, what)
  }

  // Each is told with its answer.
  const image = `${fake.host}/403/app:1`
  await setImage(app, image)
  const source = `registry:login for the app ${app.name}`
  const asked = (user: string) => `Repository 403/app was asked for as user ${user} (${source}).`
  t.deepEqual(
    refusal(await app.push({}, SCAN)),
    problemText({
      headline: `${fake.host} does not let user narrow read the image ${image} (registry-denied)`,
      saw: [
        `narrow, from ${source}: It answered 403 Forbidden, UNKNOWN: not for narrow. ${asked('narrow')}`,
        `wide, from ${source}: It answered 403 Forbidden, DENIED: not for wide. ${asked('wide')}`,
      ],
      runs: NO_RELEASE,
      todo: `Let this user read 403/app at ${fake.host}, mend the login at its source (${source}), or store another with \`fairlead registry:login ${fake.host} --username USER --password-stdin\`. Some registries answer the same for a repository that does not exist: if the name is wrong, correct it with \`fairlead config:set APTIBLE_DOCKER_IMAGE=…\` (or the FROM line of the Dockerfile). \`fairlead registry:explain ${image}\` shows which credential was offered to whom.`,
    }),
  )

  // One that does not answer: nothing else is offered until the pusher leaves.
  await setImage(app, `${fake.host}/hang/app:1`)
  const push = await livePush(gateway, app)
  await until('the registry was asked', async () => offered('hang/app').length > 0)
  push.leave()
  t.not((await push.ended).status, 0)
  t.deepEqual(offered('hang/app'), [first])
})
