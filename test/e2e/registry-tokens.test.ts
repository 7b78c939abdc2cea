// A login service in front of a real registry: passwords and identity tokens are traded there for tokens that may do
// certain things in certain repositories, by the gateway and by the real engine alike.
import { randomUUID } from 'node:crypto'
import test from 'ava'
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
import { onEngine } from '../support/on-engine.ts'
import { NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { type RecordingRegistry, sent, startRecordingRegistry } from '../support/recording-registry.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { startTokenServer, type TestTokenServer } from '../support/token-server.ts'

const SCAN = 'aptible-scan'
/** Its JSON takes a '+' and a '/' in plain base64. */
const IDENTITY = 'refresh>>>???~~~þÿ'
/** It asks the login service, and that alone, in the older way first. */
const BUILDKIT_TRADES = [
  `GET ${basicOf({ username: '', password: IDENTITY })}`,
  'POST refresh_token of buildkit-client',
]
const ROBOT = { username: 'robot', password: 'correct horse' }
const OTHER = { username: 'other', password: 'battery staple' }
const READER = { username: 'reader', password: 'sesame' }
/** A user for one repository each, and one for both. */
const [LEFT, RIGHT, BOTH] = ['left', 'right', 'both'].map(username => ({
  username,
  password: `${username} alone`,
})) as [typeof ROBOT, typeof ROBOT, typeof ROBOT]
const SIDES = ['acme/left', 'acme/right']
const OURS = ['pulled', 'traded', 'buildkit', 'classic', 'base', 'pushed'].map(name => `acme/${name}`)

let gateway: TestGateway
let tokens: TestTokenServer
let registry: TestRegistry
/** The way to the registry that remembers. */
let door: RecordingRegistry
let other: TestRegistry
let otherDoor: RecordingRegistry

test.before(async () => {
  tokens = await startTokenServer({
    // Another address than the registry's: it gets a login because the registry names it, and for no other reason.
    address: '127.0.0.2',
    users: {
      robot: { password: ROBOT.password, identityTokens: [IDENTITY], pull: OURS, push: ['acme/pushed'] },
      reader: { password: READER.password, pull: OURS },
      left: { password: LEFT.password, pull: ['acme/left'] },
      right: { password: RIGHT.password, pull: ['acme/right'] },
      both: { password: BOTH.password, pull: SIDES },
    },
  })
  ;[registry, other, gateway] = await Promise.all([
    startRegistry({ tokenServer: tokens }),
    startRegistry(OTHER),
    startGateway(),
  ])
  door = await startRecordingRegistry(registry.host)
  otherDoor = await startRecordingRegistry(other.host)
  await twoBuilders(gateway)
})
test.after.always(async () => {
  await gateway?.dispose()
  await Promise.all([door, otherDoor, registry, other, tokens].map(each => each?.stop()))
  // The classic builder leaves the bases that it pulled.
  for (const each of [door, otherDoor]) if (each) await removeImages(each.host)
})

/** An image that no engine has yet. */
const fill = (repository: string, to = registry) =>
  to.push(repository, '1', { files: { '/mine': randomUUID() } })

const imageOf = (repository: string) => `${door.host}/${repository}:1`

async function appOf(image: string): Promise<Checkout> {
  const app = await gateway.app({ Procfile: 'web: true\n' })
  await say(gateway, `config:set --app ${app.name} APTIBLE_DOCKER_IMAGE=${image}`)
  return app
}

const login = (app: Checkout, user: string, password: string, ...more: string[]) =>
  say(
    gateway,
    [
      'registry:login',
      door.host,
      '--username',
      `'${user}'`,
      '--password-stdin --app',
      app.name,
      ...more,
    ].join(' '),
    password,
  )

/** How tokens for a repository were asked for, each way once: `GET Basic …` or `POST GRANT of CLIENT`. */
function trades(repository: string): string[] {
  const asked = tokens.requests.map(({ method, query, body, authorization }) => {
    const form = method === 'POST' ? new URLSearchParams(body) : query
    const how =
      method === 'POST'
        ? `POST ${form.get('grant_type')} of ${form.get('client_id')}${authorization === null ? '' : ' WITH A LOGIN'}`
        : `GET ${authorization ?? 'as nobody'}`
    return { scope: form.get('scope') ?? '', how }
  })
  return [...new Set(asked.filter(({ scope }) => scope.includes(`:${repository}:`)).map(({ how }) => how))]
}

const mend = (source: string) =>
  `Mend the login at its source (${source}), or store another with \`fairlead registry:login ${door.host} --username USER --password-stdin\``
const explainHint = (image: string) =>
  `\`fairlead registry:explain ${image}\` shows which credential was offered to whom.`

test('an image is pulled by a password, which the registry itself never sees', async t => {
  await fill('acme/pulled')
  const app = await appOf(imageOf('acme/pulled'))
  t.regex(await login(app, ROBOT.username, ROBOT.password), /accepted by the registry/)
  const push = await app.push({}, SCAN)
  t.is(push.status, 0, push.all)
  t.deepEqual(trades('acme/pulled'), [`GET ${basicOf(ROBOT)}`])
  const { gateway: ours, engine } = sent(door, 'acme/pulled')
  t.deepEqual([ours.length, engine.length], [1, 1])
  for (const header of [...ours, ...engine]) t.regex(header, /^Bearer /)
})

test('an image is pulled by an identity token, which is traded for access and sent nowhere else', async t => {
  await fill('acme/traded')
  const app = await appOf(imageOf('acme/traded'))
  t.regex(
    await login(app, '<token>', IDENTITY),
    /: an identity token at \S+ \(accepted by the registry\)\.$/m,
  )
  const push = await app.push({}, SCAN)
  t.is(push.status, 0, push.all)
  t.true(remoteLines(push)[0]?.includes(' with an identity token (registry:login for the app '), push.all)
  t.deepEqual(trades('acme/traded'), ['POST refresh_token of fairlead', 'POST refresh_token of docker'])
  t.false(door.authorizations().some(header => !header.startsWith('Bearer ') || header.includes(IDENTITY)))
})

for (const builder of ['buildkit', 'classic'] as Builder[]) {
  test(`${builder}: a base is had by an identity token, and each registry of the build gets its own login`, async t => {
    const repository = `acme/${builder}`
    await Promise.all([fill(repository), fill(repository, other)])
    const Dockerfile = [
      `FROM ${otherDoor.host}/${repository}:1 AS other`,
      `FROM ${imageOf(repository)}`,
      'COPY --from=other /mine /theirs',
      'CMD ["true"]',
    ].join('\n')
    const app = await gateway.app({ Dockerfile }, { environment: ENVIRONMENT_OF[builder] })
    await login(app, '<token>', IDENTITY)
    await importLogins(gateway, `--app ${app.name}`, { [otherDoor.host]: OTHER })
    const push = await app.push({}, SCAN)
    t.is(push.status, 0, push.all)
    const [ours, ...engines] = trades(repository)
    t.is(ours, 'POST refresh_token of fairlead')
    t.deepEqual(engines, builder === 'classic' ? ['POST refresh_token of docker'] : BUILDKIT_TRADES)
    const own = [basicOf(OTHER)]
    t.deepEqual(sent(otherDoor, repository), { gateway: own, engine: own, engineCame: true })
    t.deepEqual(otherDoor.authorizations(), own)
    t.false(tokens.requests.some(({ authorization }) => authorization === basicOf(OTHER)))
  })
}

test('a login service is given a login only over a safe connection', async t => {
  // Documentation's own addresses, which nobody has.
  const realm = 'http://192.0.2.255/token'
  const challenge = { 'www-authenticate': `Bearer realm="${realm}",service="registry.test"` }
  const fake = await startFakeRegistry(() => ({ status: 401, headers: challenge }))
  t.teardown(fake.stop)
  const app = await gateway.app({})
  await importLogins(gateway, `--app ${app.name}`, { [fake.host]: ROBOT })
  const explained = await gateway.ssh(`registry:explain ${fake.host}/acme/app:1 --app ${app.name}`)
  t.is(explained.status, 1)
  t.regex(explained.stderr, /names http:\/\/192\.0\.2\.255 as its login service\. No login was sent there\./)
  t.deepEqual(fake.authorizations(), [])
})

test('a user without the right to a repository is told so, and so is one without the right to push there', async t => {
  await Promise.all([fill('acme/hidden'), fill('acme/base')])
  const app = await appOf(imageOf('acme/hidden'))
  app.write({ Procfile: 'worker: exec sleep 1000\n' })
  await login(app, READER.username, READER.password)
  const source = `registry:login for the app ${app.name}`
  const image = imageOf('acme/hidden')
  t.deepEqual(
    refusal(await app.push({}, SCAN)),
    problemText({
      headline: `${door.host} does not let user reader read the image ${image} (registry-denied)`,
      saw: `It answered 401 Unauthorized. Repository acme/hidden was asked for as user reader (${source}).`,
      runs: NO_RELEASE,
      todo: `Let this user read acme/hidden at ${door.host}, ${mend(source).replace('Mend', 'mend')}. Some registries answer the same for a repository that does not exist: if the name is wrong, correct it with \`fairlead config:set APTIBLE_DOCKER_IMAGE=…\` (or the FROM line of the Dockerfile). ${explainHint(image)}`,
    }),
  )

  await say(gateway, `config:unset --app ${app.name} APTIBLE_DOCKER_IMAGE`)
  const push = await app.push({
    Dockerfile: `FROM ${imageOf('acme/base')}\nRUN echo ${randomUUID()} > /new\n`,
    '.fairlead.yml': `push:\n  - image_name: ${door.host}/acme/pushed\n    image_tag: v1\n`,
  })
  const target = `${door.host}/acme/pushed:v1`
  t.deepEqual(
    refusal(push),
    problemText({
      headline: `${door.host} does not let reader push to acme/pushed (registry-denied)`,
      saw: 'denied: requested access to the resource is denied',
      runs: NO_RELEASE,
      todo: `Give reader the right to push (write) there: to pull is another right. ${mend(source)}. ${explainHint(target)}`,
    }),
  )
  t.deepEqual((await onEngine(gateway, app.name)).containers, [])

  // The same with a token that may push.
  await login(app, '<token>', IDENTITY)
  const again = await app.push()
  t.is(again.status, 0, again.all)
  t.true(
    remoteLines(again).includes(
      `-----> Pushing ${door.host}/acme/pushed:v1 with an identity token (${source})`,
    ),
    again.all,
  )
})

test('an identity token that is not valid any more is a login that failed', async t => {
  const image = imageOf('acme/app')
  const app = await appOf(image)
  await login(app, '<token>', 'outdated', '--no-check')
  const push = await app.push({}, SCAN)
  const source = `registry:login for the app ${app.name}`
  t.deepEqual(
    refusal(push),
    problemText({
      headline: `${door.host} refuses the identity token for the image ${image} (registry-login-failed)`,
      saw: `Its login service ${tokens.host} answered 400 Bad Request, invalid_grant. Repository acme/app was asked for with an identity token (${source}).`,
      runs: NO_RELEASE,
      todo: `${mend(source)}: it has to be one that \`docker login ${door.host}\` accepts. ${explainHint(image)}`,
    }),
  )
})

test('a build whose bases no single login may read is refused, and goes on with one that may', async t => {
  await Promise.all(SIDES.map(side => fill(side)))
  const [left = '', right = ''] = SIDES.map(imageOf)
  const Dockerfile = `FROM ${left} AS left\nFROM ${right}\nCOPY --from=left /mine /left\nCMD ["true"]\n`
  const app = await gateway.app({ Dockerfile })
  const store = (logins: Record<string, typeof ROBOT>) => importLogins(gateway, `--app ${app.name}`, logins)
  await store({ [`${door.host}/acme/left`]: LEFT, [`${door.host}/acme/right`]: RIGHT })
  const push = await app.push({}, SCAN)
  const source = `registry:login for the app ${app.name}`
  t.deepEqual(
    refusal(push),
    problemText({
      headline: `The Dockerfile builds on images at ${door.host} that no single credential may read (registry-credentials-conflict)`,
      saw: [`${left} was asked for as left (${source})`, `${right} was asked for as right (${source})`],
      runs: NO_RELEASE,
      todo: `A builder takes one credential for a host. Let one user read all of these images, and store that one for ${door.host} with \`fairlead registry:login ${door.host} --username USER --password-stdin\`.`,
    }),
  )
  t.false(sent(door, 'acme/left').engineCame)

  // As it says.
  await login(app, BOTH.username, BOTH.password)
  const again = await app.push({}, SCAN)
  t.is(again.status, 0, again.all)
  for (const side of SIDES) t.true(sent(door, side).engineCame)
  // Whom the engine asked as stands behind whom the gateway asked as.
  t.deepEqual(
    trades('acme/right'),
    [RIGHT, LEFT, BOTH].map(user => `GET ${basicOf(user)}`),
  )
})
