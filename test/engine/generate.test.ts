// Generators as they are published, before the real engine: images from a real registry that write credentials for
// another one.
import test, { type ExecutionContext } from 'ava'
import Docker from 'dockerode'
import { runGenerator } from '../../src/deploy/generate.ts'
import { resolveWithKeychain } from '../../src/deploy/resolve.ts'
import { createTranscript } from '../../src/deploy/transcript.ts'
import type { Generator } from '../../src/domain/generator.ts'
import { parseImageReference } from '../../src/domain/image-reference.ts'
import { keychainOf } from '../../src/domain/keychain.ts'
import { Secret } from '../../src/domain/secret.ts'
import { dockerEngine } from '../../src/engines/docker/engine.ts'
import { registryClient } from '../../src/registry/client.ts'
import { createGeneratedCache, generatedSource } from '../../src/registry/sources/generated.ts'
import { caughtProblem } from '../support/caught-problem.ts'
import { deployGround } from '../support/deploy-ground.ts'
import { stackAt } from '../support/docker-ground.ts'
import { ENGINE_SOCKET } from '../support/engine-proxy.ts'
import { startRegistry, type TestImage, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: ENGINE_SOCKET })
/** Where the generators' own images are, which everybody may pull. */
let images: TestRegistry
/** Whose credentials they write. */
let locked: TestRegistry

test.before(async () => {
  images = await startRegistry({ anonymous: true })
  locked = await startRegistry({ username: 'AWS', password: 'ey.token+of/twelve=hours' })
  await locked.push('acme/shop', 'v1')
})

test.after.always(async () => {
  await images?.stop()
  await locked?.stop()
})

interface Script {
  /** Of the image: `/generate.sh` is its ENTRYPOINT. */
  readonly script: string
  readonly files?: Record<string, string>
  readonly user?: string
  readonly env?: Record<string, string>
  readonly changes?: Partial<Generator>
}

let pushed = 0

/** An image with that script, an app, and the way to run it there. */
async function ground(t: ExecutionContext, { script, files, user, env = {}, changes }: Script) {
  const made = await deployGround(t)
  const { gatewayId } = made.ground.store
  const stack = { ...stackAt({ kind: 'unix', path: ENGINE_SOCKET }), name: 'local' }
  const engine = dockerEngine({ stack, gatewayId })
  const real = { ...made.ground, registry: registryClient(), stack: () => ({ stack, engine }) }
  const filters = { label: [`fairlead.gateway=${gatewayId}`] }
  const containers = () => docker.listContainers({ all: true, filters })
  const tags = () => docker.listImages({ filters: { reference: [`fairlead-${gatewayId}/*/*`] } })
  t.teardown(async () => {
    for (const { Id } of await containers()) await docker.getContainer(Id).remove({ force: true, v: true })
    for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove()
    for (const { Id } of await tags()) await docker.getImage(Id).remove({ force: true })
  })

  pushed += 1
  const number = pushed
  const image: TestImage = {
    files: { '/generate.sh': `#!/bin/sh\n${script}`, ...files },
    entrypoint: ['/generate.sh'],
    ...(user !== undefined && { user }),
  }
  const digest = await images.push(`generators/${number}`, 'latest', image)
  const generator: Generator = {
    id: number,
    name: 'ecr',
    image: `${images.host}/generators/${number}`,
    env: new Map(Object.entries(env).map(([name, value]) => [name, new Secret(value)])),
    ttl: 0,
    timeout: 60,
    host: null,
    addDocker: false,
    ...changes,
  }
  const said: string[] = []
  const transcript = createTranscript(
    () => {},
    line => void said.push(line),
  )
  const run = (signal = new AbortController().signal) =>
    runGenerator(real, made.app, generator, keychainOf([]), { transcript, signal })
  return {
    ...made,
    ground: real,
    generator,
    transcript,
    said,
    run,
    containers,
    async nothingIsLeft() {
      t.deepEqual(await containers(), [])
      t.deepEqual(await tags(), [])
      await t.throwsAsync(docker.getImage(`${generator.image}@${digest}`).inspect(), { message: /404/ })
    },
  }
}

type Made = Awaited<ReturnType<typeof ground>>

/** Proves at the locked registry that what the generator wrote opens it. */
async function opens(t: ExecutionContext, made: Made): Promise<void> {
  const source = generatedSource(made.generator, createGeneratedCache(), () => made.run())
  const reference = parseImageReference(`${locked.host}/acme/shop:v1`)
  const { transcript } = made
  const { signal } = new AbortController()
  const run = { transcript, signal }
  const { auth } = await resolveWithKeychain(made.ground, made.app, reference, keychainOf([source]), run)
  t.is(auth?.source, 'generator ecr')
  t.false(made.said.join('\n').includes(locked.password))
  await made.nothingIsLeft()
}

/** As the published one for ECR does it; the calls of AWS and of docker are the image's own programs here. */
const ECR = {
  script: `set -e
echo 'ECR credentials'
: "\${AWS_REGION:?has to be set}" "\${AWS_ACCESS_KEY_ID:?has to be set}" "\${AWS_SECRET_ACCESS_KEY:?has to be set}"
mkdir -p ~/.aws ~/.docker
printf '[default]\\nregion = %s\\n' "$AWS_REGION" > ~/.aws/config
aws ecr get-login-password --region "$AWS_REGION" | docker login --username AWS --password-stdin "$ECR_HOST"
echo "Writing the credentials to $1"
chmod 544 ~/.docker/config.json
cp ~/.docker/config.json "$1"
`,
  files: {
    '/bin/aws': '#!/bin/sh\n[ "$AWS_SECRET_ACCESS_KEY" = wJalrXUtnFEMI ] || exit 255\nprintf %s "$TOKEN"\n',
    '/bin/docker': `#!/bin/sh
auth=$(printf '%s:%s' "$3" "$(cat)" | base64 -w 0)
printf '{\\n\\t"auths": {\\n\\t\\t"%s": {\\n\\t\\t\\t"auth": "%s"\\n\\t\\t}\\n\\t}\\n}' "$5" "$auth" > ~/.docker/config.json
echo 'WARNING! Your password will be stored unencrypted in /root/.docker/config.json.'
echo 'Login Succeeded'
`,
  },
  env: () => ({
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
    ECR_HOST: locked.host,
    TOKEN: locked.password,
  }),
}

test('the one for ECR: a login by standard input, and a copy of the config.json', async t => {
  const made = await ground(t, { ...ECR, env: ECR.env() })
  await opens(t, made)
  t.deepEqual(made.said.slice(-4), [
    '       ECR credentials',
    '       WARNING! Your password will be stored unencrypted in /root/.docker/config.json.',
    '       Login Succeeded',
    '       Writing the credentials to /fairlead/dockercfg',
  ])
})

test('the one for ECR says which of its variables is missing', async t => {
  const { AWS_REGION: _, ...env } = ECR.env()
  const made = await ground(t, { ...ECR, env })
  const problem = await caughtProblem(made.run())
  t.is(problem.headline, 'Generator ecr failed with exit code 2')
  t.regex(problem.saw ?? '', /AWS_REGION: has to be set/)
  await made.nothingIsLeft()
})

/** As the published one for Google does it, and `gcloud docker` before it: a flat .dockercfg for many hosts. */
const GCR = {
  script: `set -e
: "\${GOOGLE_AUTH_JSON:?has to be set}" "\${GOOGLE_AUTH_EMAIL:?has to be set}" "\${GOOGLE_PROJECT_ID:?has to be set}"
echo 'Logging in at Google'
echo "$GOOGLE_AUTH_JSON" > /keyconfig.json
gcloud auth activate-service-account "$GOOGLE_AUTH_EMAIL" --key-file /keyconfig.json --project "$GOOGLE_PROJECT_ID"
gcloud docker -a
echo "Writing the credentials to $1"
cat ~/.dockercfg > "$1"
`,
  files: {
    '/bin/gcloud': `#!/bin/sh
[ "$1" = auth ] && { grep -q private_key "$5" && cat "$5"; exit; }
auth=$(printf '%s:%s' "$GCR_USER" "$TOKEN" | base64 -w 0)
printf '{' > ~/.dockercfg
for host in https://gcr.io https://us.gcr.io; do
  printf '"%s": {"email": "not@val.id", "auth": "%s"}, ' "$host" "$auth" >> ~/.dockercfg
done
printf '"http://%s": {"email": "not@val.id", "auth": "%s"}}' "$GCR_HOST" "$auth" >> ~/.dockercfg
`,
  },
  env: () => ({
    GOOGLE_AUTH_JSON: '{\n  "private_key": "-----BEGIN PRIVATE KEY-----"\n}',
    GOOGLE_AUTH_EMAIL: 'ci@acme.iam.gserviceaccount.com',
    GOOGLE_PROJECT_ID: 'acme-12345',
    GCR_USER: 'AWS',
    GCR_HOST: locked.host,
    TOKEN: locked.password,
  }),
}

test('the one for Google: a flat .dockercfg, and a key file in its log that nobody gets to see', async t => {
  const made = await ground(t, { ...GCR, env: GCR.env() })
  await opens(t, made)
  t.deepEqual(made.said.slice(-3), [
    '       Logging in at Google',
    '       [redacted]',
    '       Writing the credentials to /fairlead/dockercfg',
  ])
})

test('one whose USER is not root may write its file', async t => {
  const made = await ground(t, { ...ECR, env: { ...ECR.env(), HOME: '/tmp' }, user: 'nobody' })
  await opens(t, made)
})

for (const [title, script, headline, changes] of [
  [
    'one that writes nothing',
    'echo I did nothing',
    'Generator ecr wrote no credentials: it ended with exit code 0, but there is no file at /fairlead/dockercfg',
    {},
  ],
  [
    'one that makes a link instead of a file, to what is not its own',
    'ln -s /etc/passwd "$1"',
    'Generator ecr wrote no credentials: it ended with exit code 0, but there is no file at /fairlead/dockercfg',
    {},
  ],
  [
    'one that writes rubbish',
    'echo Login Succeeded > "$1"',
    'Failed to parse dockercfg: what generator ecr wrote, line 1, column 1',
    {},
  ],
  [
    'one that writes too much',
    'dd if=/dev/zero of="$1" bs=1M count=2 2>/dev/null',
    'Generator ecr wrote a file of more than 1048576 bytes, which is not read',
    {},
  ],
  [
    'one that hangs',
    'echo Waiting; exec sleep 3600',
    'Generator ecr was given up after 2 s: it had not ended by itself',
    { timeout: 2 },
  ],
  ['one that fails', 'echo No route to AWS >&2; exit 7', 'Generator ecr failed with exit code 7', {}],
] as const) {
  test(`${title} is told apart, and leaves nothing`, async t => {
    const made = await ground(t, { script, changes })
    const problem = await caughtProblem(made.run())
    t.is(problem.code, 'generator-failed')
    t.is(problem.headline, headline)
    await made.nothingIsLeft()
  })
}

/** What the engine says of the container while it runs. */
async function whileItRuns(t: ExecutionContext, changes: Partial<Generator>) {
  const made = await ground(t, { script: 'exec sleep 3600', env: { KEY: 'given-to-it' }, changes })
  made.configure({ DATABASE_URL: 'postgres://app', APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'of-the-app' })
  const leaving = new AbortController()
  const running = made.run(leaving.signal)
  running.catch(() => {})
  const [container] = await until('it runs', async () => {
    const found = await made.containers()
    return found.some(({ State }) => State === 'running') && found
  })
  const seen = await docker.getContainer(container?.Id ?? '').inspect()
  leaving.abort(new Error('left'))
  await t.throwsAsync(running, { message: 'left' })
  await made.nothingIsLeft()
  return seen
}

test('while it runs it has nothing of the machine, no volume and no variable of the app', async t => {
  const { HostConfig, Mounts, Config } = await whileItRuns(t, {})
  t.deepEqual(Mounts, [])
  t.falsy(HostConfig.Binds)
  t.falsy(HostConfig.Mounts)
  t.false(HostConfig.Privileged)
  t.deepEqual(Config.Env.toSorted(), ['KEY=given-to-it', 'PATH=/bin'])
  t.deepEqual(Config.Cmd, ['/fairlead/dockercfg'])
  t.is(HostConfig.Memory, 64 * 1024 * 1024)
})

test('while it runs with add_docker it has the socket of the engine, and nothing else', async t => {
  const { Mounts } = await whileItRuns(t, { addDocker: true })
  t.deepEqual(
    Mounts.map(({ Destination }) => Destination),
    ['/var/run/docker.sock'],
  )
})
