// Generators: private images that write the credentials for another registry, by the contracts of the published ones
// for Amazon and Google. They ask a server of the test for them, as those ask their cloud.
import { once } from 'node:events'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import type { Checkout } from '../support/gateway.ts'
import { engineAddress, onEngine } from '../support/on-engine.ts'
import { page } from '../support/page.ts'
import {
  configJson,
  encoded,
  headline,
  type PrivateImages,
  startPrivateImages,
} from '../support/private-images.ts'
import { livePush, refusal, remoteLines } from '../support/pushed.ts'
import { found, spellings } from '../support/spellings.ts'
import { until } from '../support/until.ts'

/** By path, how a cloud answers. */
type Answer = (response: http.ServerResponse) => void
const answers = new Map<string, Answer>()
const asked: string[] = []
const cloud = http.createServer(({ url = '' }, response) => {
  asked.push(url)
  const answer = answers.get(url)
  if (answer === undefined) response.writeHead(404).end()
  else answer(response)
})
const runsOf = (path: string) => asked.filter(each => each === path).length

let images: PrivateImages
/** The cloud, as a container sees it. */
let address: string

const SCRIPT = '#!/bin/sh\necho "logging in as $AWS_ACCESS_KEY_ID with $AWS_SECRET_ACCESS_KEY"\n'
const GENERATORS = {
  // Logs in with a home of its own and copies out what docker wrote.
  ecr: `${SCRIPT}mkdir -p /tmp/home/.docker && wget -q -O /tmp/home/.docker/config.json "$CLOUD" && cp /tmp/home/.docker/config.json "$1"\n`,
  // Writes the legacy file, of which every line is in its log too.
  gcr: `${SCRIPT}wget -q -O - "$CLOUD" | tee "$1"\n`,
  nothing: `${SCRIPT}echo done\n`,
  rubbish: `${SCRIPT}echo 'login = hunter2hunter2' > "$1"\n`,
  fails: `${SCRIPT}echo the cloud says no >&2; exit 3\n`,
  socket: `${SCRIPT}ls -l /var/run/docker.sock | cut -c1; exit 4\n`,
}

test.before(async () => {
  images = await startPrivateImages()
  // On all addresses: a container reaches the test by the one of the engine's machine on its bridge.
  cloud.listen(0)
  await once(cloud, 'listening')
  address = `http://${await engineAddress()}:${(cloud.address() as AddressInfo).port}`
  for (const [name, script] of Object.entries(GENERATORS)) {
    const files = { '/generate': script }
    await images.base.push(`acme/${name}`, 'v1', { entrypoint: ['/bin/sh', '/generate'], files })
  }
  await images.fairlead('environment:create', 'my-env', '--stack', 'local')
  await images.login(images.base, '--environment my-env')
})
test.after.always(async () => {
  cloud.close().closeAllConnections()
  await images?.dispose()
})

/** Sets the generator `gen` of an app: one of those images, which asks the cloud at the path. */
function generator(
  app: Checkout,
  name: keyof typeof GENERATORS,
  path: string,
  options = '',
): Promise<string> {
  const stdin = `AWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY='keys>>>of the cloud???'\nCLOUD=${address}${path}\n`
  const image = `${images.base.host}/acme/${name}:v1`
  const words = `registry:generator gen --image ${image} --env-file - --host ${images.shop.host} --app ${app.name}`
  return images.run(`${words} ${options}`, { stdin })
}

const legacy = () =>
  JSON.stringify({ [`https://${images.shop.host}`]: { auth: encoded(images.shop), email: 'not@val.id' } })

/** What a push says of the runs of generators. */
const runs = (push: { stderr: string }) => remoteLines(push).filter(line => /the generator/.test(line))
const RUNNING = '-----> Running the generator gen'

async function nothingLeft(t: ExecutionContext, app: Checkout): Promise<void> {
  const { containers, tags } = await onEngine(images.gateway, app.name)
  t.deepEqual(
    [...containers, ...tags].filter(each => each.includes('generator')),
    [],
  )
}

function keepsSecrets(t: ExecutionContext, text: string): void {
  t.deepEqual(found(text, spellings(images.shop.password, 'robot')), [])
  t.deepEqual(found(text, spellings('keys>>>of the cloud???')), [])
}

test.serial('what a generator hung in when the gateway was killed goes away at the next start', async t => {
  const { gateway } = images
  const app = await images.pulling()
  answers.set('/killed', () => {})
  await generator(app, 'ecr', '/killed')
  const push = await livePush(gateway, app)
  await until('the generator asks the cloud', async () => runsOf('/killed') > 0)
  const running = await onEngine(gateway, app.name)
  t.is(running.containers.length, 1)
  t.is(running.tags.length, 1)
  await gateway.crash()
  t.not((await push.ended).status, 0)
  t.is((await onEngine(gateway, app.name)).containers.length, 1, 'it runs on by itself')
  await gateway.restart()
  await until('nothing of it is left', async () => {
    const { containers, tags } = await onEngine(gateway, app.name)
    return containers.length + tags.length === 0
  })
  answers.set('/killed', response => response.end(configJson(images.shop)))
  const again = await app.push()
  t.is(again.status, 0, again.all)
  await nothingLeft(t, app)
})

for (const [name, contract, pushes, written] of [
  [
    'ecr',
    'a config.json, as the one for Amazon does, opens its registry at every',
    2,
    () => configJson(images.shop),
  ],
  ['gcr', 'a legacy .dockercfg, as the one for Google does, opens its registry at a', 1, legacy],
] as const) {
  test(`a private generator that writes ${contract} deploy`, async t => {
    const app = await images.pulling()
    answers.set(`/${name}`, response => response.end(written()))
    const said = await generator(app, name, `/${name}`)
    t.true(said.includes('run at every deploy, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, CLOUD.'), said)
    for (let run = 1; run <= pushes; run += 1) {
      const push = await app.push()
      t.is(push.status, 0, push.all)
      t.deepEqual(runs(push), [RUNNING])
      t.is(runsOf(`/${name}`), run)
      const lines = remoteLines(push)
      t.true(lines.includes('       logging in as [redacted] with [redacted]'), push.all)
      t.true(lines.includes(`-----> Pulling ${images.image} as robot (generator gen)`), push.all)
      keepsSecrets(t, said + push.all)
      await nothingLeft(t, app)
    }
    t.is(await page(images.gateway, app.name), 'shop\n')
  })
}

test('with a ttl a generator is run once for two deploys, and again when the registry refuses what it gave', async t => {
  const app = await images.pulling()
  const reply = (password: string) =>
    answers.set('/ttl', response => response.end(configJson({ ...images.shop, password })))
  reply('not yet right')
  await generator(app, 'ecr', '/ttl', '--ttl 1h')
  const refused = await app.push()
  t.is(refused.status, 1)
  t.is(
    headline(refused),
    `${images.shop.host} refuses the login of user robot for the image ${images.image} (registry-login-failed)`,
  )
  t.deepEqual(runs(refused), [RUNNING])

  reply(images.shop.password)
  const renewed = await app.push()
  t.is(renewed.status, 0, renewed.all)
  t.deepEqual(
    remoteLines(renewed).filter(line => /generator gen/.test(line)),
    [
      `-----> Pulling ${images.image} as robot (generator gen)`,
      RUNNING,
      '       refused; trying as robot (generator gen)',
    ],
  )
  const kept = await app.push()
  t.is(kept.status, 0, kept.all)
  t.deepEqual(runs(kept), [])
  t.is(runsOf('/ttl'), 2)
  keepsSecrets(t, renewed.all + kept.all + images.gateway.log())
})

test('each way in which a generator gives nothing has a sentence of its own, and leaves nothing behind', async t => {
  const app = await images.pulling()
  answers.set('/hangs', () => {})
  for (const [name, first, saw, options] of [
    [
      'nothing',
      'Generator gen wrote no credentials: it ended with exit code 0, but there is no file at /fairlead/dockercfg',
      'done',
    ],
    [
      'rubbish',
      'Failed to parse dockercfg: what generator gen wrote, line 1, column 1',
      'The text is not shown',
    ],
    ['fails', 'Generator gen failed with exit code 3', 'the cloud says no'],
    [
      'ecr',
      'Generator gen was given up after 10 s: it had not ended by itself',
      'logging in as',
      // The engine has to start it, and it to ask, within that.
      '--timeout 10s',
    ],
  ] as const) {
    await generator(app, name, '/hangs', options)
    const push = await app.push()
    t.is(push.status, 1, name)
    const [head, ...rest] = refusal(push)
    t.is(head, ` !     ${first} (generator-failed)`)
    t.true(rest.join('\n').split('What to do:')[0]?.includes(saw), push.all)
    t.false(push.all.includes('hunter2hunter2'))
    keepsSecrets(t, push.all)
    await nothingLeft(t, app)
  }
  t.is(runsOf('/hangs'), 1)
})

test("the engine's socket is an operator's to give to a generator, and none has it otherwise", async t => {
  const { gateway } = images
  const app = await images.pulling()
  const anna = await gateway.person('anna', { environment: 'my-env', role: 'admin' })
  const image = `${images.base.host}/acme/socket:v1`
  const words = `registry:generator gen --image ${image} --add-docker --app ${app.name}`
  const denied = await images.ask(words, { as: anna })
  t.is(denied.status, 1)
  t.regex(headline(denied), /it needs .*operator.* \(forbidden\)$/)
  t.regex(await images.run(`registry:list --app ${app.name}`), /registry:generator +- +- +not set/)

  await generator(app, 'socket', '/')
  const without = await app.push()
  t.regex(without.all, /docker\.sock: No such file or directory/)
  const granted = await generator(app, 'socket', '/', '--add-docker')
  t.regex(granted, /^Who controls the image .*controls the machine of the stack local/m)
  const having = await app.push()
  t.regex(headline(having), /^Generator gen failed with exit code 4/)
  t.true(remoteLines(having).includes('       s'), having.all)
  await nothingLeft(t, app)
})
