// A generator is run once with what it was given and nothing else, every way to fail has its sentence, and nothing of
// a run is left.
import test, { type ExecutionContext } from 'ava'
import { isGenerator, runGenerator } from '../../../src/deploy/generate.ts'
import { recoverWhenPossible } from '../../../src/deploy/recover.ts'
import { createTranscript } from '../../../src/deploy/transcript.ts'
import type { ContainerSpec } from '../../../src/domain/container.ts'
import type { Generator } from '../../../src/domain/generator.ts'
import { type Keychain, keychainOf } from '../../../src/domain/keychain.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { caughtProblem } from '../../support/caught-problem.ts'
import { type DeployGroundOptions, DIGEST, deployGround } from '../../support/deploy-ground.ts'
import { hang } from '../../support/fake-engine.ts'
import type { Program } from '../../support/fake-host.ts'
import { until } from '../../support/until.ts'

const FILE = '/fairlead/dockercfg'
const PASSWORD = 'correct-horse-battery'
const AUTH = btoa(`AWS:${PASSWORD}`)
const DOCKERCFG = JSON.stringify({ auths: { 'acme.example': { auth: AUTH } } })
const good: Program = { writes: { [FILE]: DOCKERCFG }, exits: 0 }
const nobody = keychainOf([])

function generatorOf(changes: Partial<Generator> = {}): Generator {
  const env = new Map([['AWS_SECRET_ACCESS_KEY', new Secret('wJalrXUtnFEMI')]])
  const image = 'acme/ecr-generator'
  return { id: 7, name: 'ecr', image, env, ttl: 0, timeout: 60, host: null, addDocker: false, ...changes }
}

interface Attempt {
  readonly generator?: Generator
  readonly keychain?: Keychain
  readonly signal?: AbortSignal
}

async function ground(t: ExecutionContext, program: Program, options: DeployGroundOptions = {}) {
  const made = await deployGround(t, {
    image: () => ({ entrypoint: ['/generate.sh'], command: [] }),
    program: () => program,
    ...options,
  })
  const said: string[] = []
  const transcript = createTranscript(
    () => {},
    line => void said.push(line),
  )
  const specs: ContainerSpec[] = []
  made.engine.on('create', spec => void specs.push(spec))
  const run = ({ generator = generatorOf(), keychain = nobody, signal }: Attempt = {}) =>
    runGenerator(made.ground, made.app, generator, keychain, {
      transcript,
      signal: signal ?? new AbortController().signal,
    })
  return { ...made, said, specs, run, transcript }
}

/** Fails with exactly these words, and leaves nothing. */
async function fails(
  t: ExecutionContext,
  program: Program,
  words: { headline: string; saw: string | undefined; hint: string },
  generator?: Generator,
) {
  const made = await ground(t, program)
  t.deepEqual(await caughtProblem(made.run(generator && { generator })), {
    code: 'generator-failed',
    ...words,
  })
  t.deepEqual(made.engine.containers, [])
  t.deepEqual(made.tags(), [])
  return made
}

const CONTRACT =
  'A generator writes a dockercfg to the path that is its only argument, and ends with exit code 0.'
const NOTHING = `${CONTRACT} See that the image does so, and that nothing it needs is missing in its --env-file.`
const READABLE =
  'See that the image writes the JSON of a config.json or a .dockercfg, with the logins in it, to its path.'

test('it is handed its own variables, one path and a place to write, and nothing of the app', async t => {
  const made = await ground(t, good)
  made.configure({ DATABASE_URL: 'postgres://', APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'app-password' })
  t.is(await made.run(), DOCKERCFG)
  const [spec] = made.specs
  const { gatewayId } = made.ground.store
  const number = spec?.labels.index ?? 0
  t.deepEqual(spec, {
    name: `fairlead-${gatewayId}.my-env.my-app.v0.registry-generator.${number}`,
    labels: {
      environment: 'my-env',
      app: 'my-app',
      release: 0,
      process: 'registry-generator',
      index: number,
      oneOff: true,
    },
    image: `fairlead-${gatewayId}/my-env/my-app:generator-${number}`,
    command: [FILE],
    env: generatorOf().env,
    network: `fairlead-${gatewayId}.my-env`,
    limits: made.ground.stack('local').stack.limits,
    grace: 1,
    writableDirectory: '/fairlead',
  } as ContainerSpec)
  t.true(spec !== undefined && isGenerator(spec.labels))
  t.false(isGenerator({ ...(spec as ContainerSpec).labels, release: 1 }))
})

test('the engine is handed to it only where that was granted', async t => {
  const made = await ground(t, good)
  await made.run({ generator: generatorOf({ addDocker: true }) })
  t.is(made.specs[0]?.engineSocket, true)
})

test('when it has ended nothing of it is left, neither container nor image', async t => {
  const made = await ground(t, good)
  await made.run()
  t.deepEqual(made.engine.containers, [])
  t.deepEqual(made.tags(), [])
  t.is(made.engine.host.images.size, 0)
})

test('its image is proved and pulled with the credentials of the sources, by what the registry names', async t => {
  const auth: RegistryAuth = {
    host: 'quay.io',
    path: '',
    kind: 'password',
    username: 'robot',
    password: new Secret('image-password'),
    source: 'app',
  }
  const asked: (string | undefined)[] = []
  const made = await ground(t, good, {
    registry: {
      checkLogin: async () => {},
      resolve: async (reference, login) => {
        asked.push(`${reference.repository}:${reference.tag} as ${login?.username}`)
        return { digest: DIGEST, mediaType: 'application/vnd.oci.image.manifest.v1+json' }
      },
    },
  })
  const keychain = keychainOf([{ name: 'app', isSet: true, read: async () => [auth] }])
  await made.run({ keychain, generator: generatorOf({ image: 'quay.io/acme/generator' }) })
  t.deepEqual(asked, ['acme/generator:latest as robot'])
  const [pull] = made.engine.pulls
  t.is(pull?.digest, DIGEST)
  t.is(pull?.auth, auth)
})

test('what it printed is shown when it has ended, without what it was given and what it wrote', async t => {
  const prints = [
    'Logging in with wJalrXUtnFEMI',
    `auth is ${AUTH}`,
    `password ${PASSWORD}`,
    '\u001b[1mdone\u001b[0m',
  ]
  const made = await ground(t, { ...good, prints })
  await made.run()
  t.deepEqual(made.said, [
    '-----> Running the generator ecr',
    '       Pulled 2 layers',
    '       Logging in with [redacted]',
    '       auth is [redacted]',
    '       password [redacted]',
    '       done',
  ])
})

test('what it wrote stays hidden for the rest of the deploy, and its variables are ordinary words again', async t => {
  const made = await ground(t, good)
  await made.run()
  made.transcript.line(`RUN echo ${PASSWORD} ${AUTH} in wJalrXUtnFEMI`)
  t.is(made.said.at(-1), 'RUN echo [redacted] [redacted] in wJalrXUtnFEMI')
})

test('of a long log the end is shown, and of an endless line that there is one', async t => {
  const long = await ground(t, { ...good, prints: Array.from({ length: 300 }, (_, n) => `line ${n}`) })
  await long.run()
  t.deepEqual([long.said[2], long.said.at(-1), long.said.length], ['       line 100', '       line 299', 202])
  const wide = await ground(t, { ...good, prints: ['x'.repeat(40_000)] })
  await wide.run()
  t.is(wide.said.at(-1), '       (its last line is too long to be shown)')
})

test('one that writes nothing', async t => {
  const made = await fails(
    t,
    { exits: 0, prints: ['Logging in'] },
    {
      headline: `Generator ecr wrote no credentials: it ended with exit code 0, but there is no file at ${FILE}`,
      saw: 'Its last output:\nLogging in',
      hint: NOTHING,
    },
  )
  t.true(made.said.includes('       Logging in'))
})

test('one that writes an empty file, as a shell does when the command behind the > fails', async t => {
  await fails(
    t,
    { exits: 0, writes: { [FILE]: '' } },
    {
      headline: 'Generator ecr wrote no credentials: it ended with exit code 0, but what it wrote is empty',
      saw: 'It printed nothing.',
      hint: NOTHING,
    },
  )
})

test('one that writes rubbish: the place is named, and nothing that stands there', async t => {
  const rubbish = `{"auths": {"acme.example": {"auth": "${AUTH}"`
  const made = await fails(
    t,
    { exits: 0, writes: { [FILE]: rubbish }, prints: [`echo ${AUTH} ${PASSWORD}`] },
    {
      headline: `Failed to parse dockercfg: what generator ecr wrote, line 1, column ${rubbish.length + 1}`,
      saw: 'The text ends before it is complete. The text is not shown, since it may hold a password.',
      hint: READABLE,
    },
  )
  t.is(made.said.at(-1), '       echo [redacted] [redacted]')
})

test('one that writes JSON without a login in it', async t => {
  await fails(
    t,
    { exits: 0, writes: { [FILE]: '{"auths": {}}' } },
    {
      headline: 'What generator ecr wrote holds no login for any registry',
      saw: undefined,
      hint: READABLE,
    },
  )
})

test('one that writes too much: then its log could hold anything, and is not shown', async t => {
  const writes = { [FILE]: 'x'.repeat(1024 * 1024 + 1) }
  const made = await fails(
    t,
    { exits: 0, writes, prints: ['a secret of the file'] },
    {
      headline: 'Generator ecr wrote a file of more than 1048576 bytes, which is not read',
      saw: undefined,
      hint: 'See that the image writes a dockercfg, and nothing else, to its path.',
    },
  )
  t.is(
    made.said.at(-1),
    '       (its log is not shown: there is too much that would have to be hidden in it)',
  )
})

test('one that hangs is given up, with what it said last', async t => {
  const made = await fails(
    t,
    { prints: ['Waiting for wJalrXUtnFEMI', `I wrote ${PASSWORD}`], writes: { [FILE]: DOCKERCFG } },
    {
      headline: 'Generator ecr was given up after 0.05 s: it had not ended by itself',
      saw: 'Its last output:\nWaiting for [redacted]\nI wrote [redacted]',
      hint: 'See what it waits for: a network that the stack cannot reach, or a question. If it is only slow, allow it more: set it again with all of its options: `fairlead registry:generator ecr --image acme/ecr-generator --env-file FILE --timeout TIME`.',
    },
    generatorOf({ timeout: 0.05 }),
  )
  t.true(made.said.includes('       Waiting for [redacted]'))
  // Or it could still print what it writes after that was read.
  const calls = made.engine.calls.map(call => call.split(' ')[0])
  t.true(calls.includes('stop') && calls.indexOf('stop') < calls.indexOf('readFile'))
})

test('one that fails, with its exit code and last lines', async t => {
  const prints = Array.from({ length: 30 }, (_, n) => `line ${n} of wJalrXUtnFEMI`)
  await fails(
    t,
    { ...good, exits: 3, prints },
    {
      headline: 'Generator ecr failed with exit code 3',
      saw: ['Its last output:', ...Array.from({ length: 20 }, (_, n) => `line ${n + 10} of [redacted]`)].join(
        '\n',
      ),
      hint: 'Mend what its output names. If it lacks a variable, set it again with all of its options: `fairlead registry:generator ecr --image acme/ecr-generator --env-file FILE`.',
    },
  )
})

test('one that cannot be started', async t => {
  await fails(
    t,
    { cannotStart: 'exec: "/generate.sh": no such file or directory' },
    {
      headline: 'Generator ecr could not be started',
      saw: 'exec: "/generate.sh": no such file or directory',
      hint: 'See that the ENTRYPOINT and the USER of its image are there.',
    },
  )
})

test('an image without ENTRYPOINT is not run: its argument would be the program', async t => {
  const made = await ground(t, good, { image: () => ({ entrypoint: [], command: ['/generate.sh'] }) })
  t.deepEqual(await caughtProblem(made.run()), {
    code: 'generator-failed',
    headline: 'Generator ecr cannot be run: its image acme/ecr-generator has no ENTRYPOINT',
    saw: `The path ${FILE} would be run as a program.`,
    hint: `${CONTRACT} Give the image an ENTRYPOINT that does so.`,
  })
  t.deepEqual(made.specs, [])
  t.deepEqual(made.tags(), [])
})

test('what the registry says of its image says whose image it is', async t => {
  const refusal = new Problem('tag-not-found', {
    headline: 'docker.io/acme/ecr-generator has no tag latest',
    saw: 'docker.io said 404.',
    hint: 'Push it first.',
  })
  const made = await ground(t, good, {
    registry: { resolve: async () => Promise.reject(refusal), checkLogin: async () => {} },
  })
  t.deepEqual(await caughtProblem(made.run()), {
    code: 'tag-not-found',
    headline:
      'The image acme/ecr-generator of generator ecr cannot be had: docker.io/acme/ecr-generator has no tag latest',
    saw: 'docker.io said 404.',
    hint: 'Push it first. If it is another image, set it again with all of its options: `fairlead registry:generator ecr --image IMAGE --env-file FILE`.',
  })
  t.like(await caughtProblem(made.run({ generator: generatorOf({ image: 'Not/An Image' }) })), {
    code: 'image-reference-invalid',
    hint: 'Write it as host/repository:tag, for example quay.io/acme/shop:v1; without a host it is at docker.io. Set it with `fairlead registry:generator ecr --image IMAGE --env-file FILE` (with all of its other options).',
  })
})

test('nobody is sent to the name of the app to correct the name of a generator', async t => {
  for (const where of [
    '`fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or the FROM line of the Dockerfile)',
    '`fairlead config:set APTIBLE_DOCKER_IMAGE=quay.io/acme/ecr:v1` (or in the FROM line of the Dockerfile)',
  ]) {
    const refusal = new Problem('image-not-found', {
      headline: 'Not there',
      hint: `Correct it with ${where}.`,
    })
    const made = await ground(t, good, {
      registry: { resolve: async () => Promise.reject(refusal), checkLogin: async () => {} },
    })
    t.like(await caughtProblem(made.run()), {
      hint: 'Correct it with `fairlead registry:generator ecr --image IMAGE --env-file FILE` (with all of its other options).',
    })
  }
})

test('a fault of the engine is not blamed on the image', async t => {
  const made = await ground(t, good)
  const fault = new Problem('engine-disk-full', { headline: 'No space left', hint: 'Ask an operator.' })
  made.engine.on('pull', () => Promise.reject(fault))
  t.is(await t.throwsAsync(made.run()), fault)
})

test('whoever leaves leaves nothing, whatever is under way', async t => {
  for (const call of ['pull', 'ensureNetwork', 'create', 'start', 'nextExit', 'readFile', 'logs'] as const) {
    const made = await ground(t, good)
    const leaving = new AbortController()
    made.engine.on(call, () => leaving.abort(new Error('left')))
    await t.throwsAsync(made.run({ signal: leaving.signal }), { message: 'left' }, call)
    t.deepEqual(made.engine.containers, [], call)
    t.deepEqual(made.tags(), [], call)
  }
})

test('its creation is not broken off: the engine would make it all the same, after it was looked for', async t => {
  const made = await ground(t, good)
  const leaving = new AbortController()
  const brokenOff: boolean[] = []
  made.engine.on('create', (_, signal) => {
    leaving.abort(new Error('left'))
    brokenOff.push(signal.aborted)
  })
  await t.throwsAsync(made.run({ signal: leaving.signal }), { message: 'left' })
  t.deepEqual(brokenOff, [false])
})

test('one that runs for ever is removed when the one who asked has left', async t => {
  const made = await ground(t, {})
  const leaving = new AbortController()
  const running = made.run({ signal: leaving.signal })
  running.catch(() => {})
  await until('it runs', async () => made.engine.containers.some(({ running }) => running))
  leaving.abort(new Error('left'))
  await t.throwsAsync(running, { message: 'left' })
  t.deepEqual(made.engine.containers, [])
  t.deepEqual(made.tags(), [])
})

test('a start that hangs is given up like a run that does', async t => {
  const made = await ground(t, good)
  made.engine.on('start', (_, signal) => hang(signal))
  const problem = await caughtProblem(made.run({ generator: generatorOf({ timeout: 0.05 }) }))
  t.is(problem.headline, 'Generator ecr was given up after 0.05 s: it had not ended by itself')
  t.deepEqual(made.engine.containers, [])
})

test('what the engine does not let go is removed later, and holds up nobody', async t => {
  const made = await ground(t, good)
  let refusals = 0
  made.engine.on('remove', () => {
    refusals += 1
    if (refusals <= 2) throw new Problem('engine-unreachable', { headline: 'It is away', hint: 'Wait.' })
  })
  t.is(await made.run(), DOCKERCFG)
  await made.background.idle()
  t.is(refusals, 3)
  t.deepEqual(made.engine.containers, [])
  t.deepEqual(made.tags(), [])
})

test('a container whose creation was never confirmed is removed too', async t => {
  const made = await ground(t, good)
  const { engine } = made
  const create = engine.create
  const lost = {
    ...engine,
    create: async (...args: Parameters<typeof create>) => {
      await create(...args)
      throw new Problem('engine-unreachable', { headline: 'The answer was lost', hint: 'Wait.' })
    },
  }
  const { stack } = made.ground.stack('local')
  const run = runGenerator(
    { ...made.ground, stack: () => ({ stack, engine: lost }) },
    made.app,
    generatorOf(),
    nobody,
    { transcript: made.transcript, signal: new AbortController().signal },
  )
  t.is((await caughtProblem(run)).headline, 'The answer was lost')
  t.deepEqual(engine.containers, [])
  t.deepEqual(made.tags(), [])
})

test('nothing is left either when the app is destroyed before it has ended', async t => {
  const made = await ground(t, good)
  made.engine.on('readFile', () => void made.ground.store.apps.remove(made.app.id))
  await made.run()
  t.deepEqual(made.engine.containers, [])
  t.deepEqual(made.tags(), [])
})

test('two at a time do not meet, not even two of the same generator', async t => {
  const made = await ground(t, good)
  t.deepEqual(await Promise.all([made.run(), made.run()]), [DOCKERCFG, DOCKERCFG])
  t.is(new Set(made.specs.map(({ name }) => name)).size, 2)
  t.is(new Set(made.specs.map(({ image }) => image)).size, 2)
  t.deepEqual(made.engine.containers, [])
})

test('what a gateway left that was killed in the middle is removed when it starts again', async t => {
  const made = await ground(t, {})
  const pretendKilled = { ...made.engine, remove: () => hang(new AbortController().signal) }
  const { stack } = made.ground.stack('local')
  void runGenerator(
    { ...made.ground, stack: () => ({ stack, engine: pretendKilled }) },
    made.app,
    generatorOf(),
    nobody,
    { transcript: made.transcript, signal: new AbortController().signal },
  ).catch(() => {})
  await until('it runs', async () => made.engine.containers.some(({ running }) => running))
  t.is(made.tags().length, 1)
  await recoverWhenPossible(made.ground, made.operations, new AbortController().signal, {
    retry: 1,
    late: 100,
  })
  t.deepEqual(made.engine.containers, [])
  t.deepEqual(made.tags(), [])
})
