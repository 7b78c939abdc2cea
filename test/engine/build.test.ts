// Building images for real: both builders, the engine of this machine, a registry that demands a password.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import type { BuildRequest } from '../../src/domain/engine.ts'
import { Problem } from '../../src/domain/problem.ts'
import type { RegistryAuth } from '../../src/domain/registry-auth.ts'
import { type BuildOptions, buildImage } from '../../src/engines/build/build.ts'
import { contextOf, credential, docker, listen, removeImages, requestOf } from '../support/build-fixtures.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

/** Its JSON encodes to base64 with '+' and '/', which the engine reads in the URL-safe alphabet only. */
const PASSWORD = 'pw>>>???~~~þÿ-fairlead-secret'
const OPTIONS: BuildOptions = { labels: { 'fairlead.app': 'my-app' }, timeoutSeconds: 120 }
const LIVE = new AbortController().signal

const test = anyTest as TestFn<{ registry: TestRegistry; login: RegistryAuth }>

test.before(async t => {
  const registry = await startRegistry({ password: PASSWORD })
  t.context = { registry, login: credential(registry.host, registry.username, registry.password) }
})
test.after.always(async t => {
  await t.context.registry?.stop()
  if (t.context.registry !== undefined) await removeImages(t.context.registry.host)
})

type Builder = BuildRequest['builder']
type Body = (
  t: ExecutionContext<{ registry: TestRegistry; login: RegistryAuth }>,
  builder: Builder,
) => Promise<void>

function withBoth(title: string, body: Body): void {
  for (const builder of ['buildkit', 'classic'] as const) test(`${builder}: ${title}`, t => body(t, builder))
}

/** Builds, and removes the image with the test. */
async function build(t: ExecutionContext, request: BuildRequest, options = OPTIONS, signal = LIVE) {
  const transcript = listen()
  t.teardown(async () => {
    await docker
      .getImage(request.tag)
      .remove()
      .catch(() => {})
  })
  await buildImage(docker, request, options, transcript, signal)
  return { ...transcript, image: await docker.getImage(request.tag).inspect() }
}

/**
 * A private image of this test alone, not on the engine yet. BuildKit makes one question of the same question asked
 * by two builds at once, with the login of either, so that tests with and without a login must not share a base.
 */
async function freshImage(t: { context: { registry: TestRegistry } }): Promise<string> {
  const repository = `private/${randomUUID()}`
  await t.context.registry.push(repository, '1', { files: { '/mine': repository } })
  return `${t.context.registry.host}/${repository}:1`
}

/** As the deploy of another app leaves it: BuildKit looks at images that were pulled, not at those it fetched itself. */
async function pullAs({ host, username, password }: RegistryAuth, image: string): Promise<void> {
  const authconfig = { username, password: password.reveal(), serveraddress: host }
  const progress = (await docker.pull(image, { authconfig })) as Readable
  await finished(progress.resume())
}

async function refused(t: ExecutionContext, request: BuildRequest): Promise<Problem> {
  const error = await t.throwsAsync(build(t, request), { instanceOf: Problem })
  return error as Problem
}

withBoth('an image from scratch has its files, tag and labels', async (t, builder) => {
  const context = contextOf({
    Dockerfile: 'FROM scratch\nCOPY hello /hello\nCMD ["/hello"]\n',
    hello: randomUUID(),
  })
  const { image, lines } = await build(t, requestOf(builder, context))
  t.deepEqual(image.Config.Cmd, ['/hello'])
  t.is(image.Config.Labels['fairlead.app'], 'my-app')
  t.true(lines.some(line => /^ {7}\[\d\/\d\] COPY hello \/hello/.test(line)))
  t.false(lines.some(line => /internal|context|exporting|Successfully|--->/.test(line)))
})

withBoth('a private base is fetched with the credential of its host', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const context = contextOf({
    Dockerfile: `FROM ${base}\nRUN echo ${randomUUID()}\n`,
  })
  const { image } = await build(t, requestOf(builder, context, [login]))
  t.truthy(image.Id)
})

withBoth('stages, ARG before FROM and COPY --from may all name private images', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const Dockerfile = [
    `ARG BASE=${base.slice(0, -2)}`,
    'ARG VERSION=1',
    `FROM \${BASE}:\${VERSION} AS build`,
    `RUN echo ${randomUUID()} > /made`,
    `FROM ${base}`,
    'COPY --from=build /made /made',
    `COPY --from=${await freshImage(t)} /mine /tool`,
    'RUN cat /made /tool',
  ].join('\n')
  const { lines } = await build(t, requestOf(builder, contextOf({ Dockerfile }), [login]))
  t.true(lines.some(line => line.includes('RUN cat /made /tool')))
})

withBoth(
  'a wrong password is a refused login, with host and user and without the password',
  async (t, builder) => {
    const base = await freshImage(t)
    const { registry } = t.context
    const context = contextOf({ Dockerfile: `FROM ${base}\n` })
    const wrong = credential(registry.host, registry.username, 'wrong-pass-word')
    const problem = await refused(t, requestOf(builder, context, [wrong]))
    t.is(problem.code, 'registry-login-failed')
    t.is(
      problem.headline,
      `The registry ${registry.host} refuses the login of robot for ${base}, which the Dockerfile builds on`,
    )
    t.is(
      problem.hint,
      `Correct it with \`fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…\`. \`fairlead registry:explain ${base}\` shows which credential was offered to whom.`,
    )
    t.false(JSON.stringify([problem.headline, problem.saw, problem.hint]).includes('wrong-pass-word'))
  },
)

for (const from of ['FROM', 'COPY --from'] as const) {
  withBoth(
    `a private image in ${from} that lies on the engine is refused without a credential`,
    async (t, builder) => {
      const { registry, login } = t.context
      const image = await freshImage(t)
      await pullAs(login, image)
      const Dockerfile =
        from === 'FROM'
          ? `FROM ${image}\nRUN cat /mine\n`
          : `FROM scratch\nCOPY --from=${image} /mine /mine\n`
      const context = contextOf({ Dockerfile })
      await build(t, requestOf(builder, context, [login]))
      const problem = await refused(t, requestOf(builder, context))
      t.is(problem.code, 'registry-login-required')
      t.true(problem.headline.startsWith(`${image}, which the Dockerfile builds on, is private`))
      t.is(
        problem.hint,
        `Store a login with \`fairlead registry:login ${registry.host} --username USER --password-stdin\`. \`fairlead registry:explain ${image}\` shows which credential was offered to whom.`,
      )
    },
  )
}

withBoth('a credential is never offered to another host that FROM names', async (t, builder) => {
  const seen: IncomingMessage[] = []
  const foreign = createServer((request, response) => {
    seen.push(request)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="give me"' }).end()
  })
  foreign.listen(0, '127.0.0.1')
  await once(foreign, 'listening')
  t.teardown(() => foreign.close())
  const host = `127.0.0.1:${(foreign.address() as AddressInfo).port}`
  const context = contextOf({ Dockerfile: `FROM ${host}/private/base:1\n` })
  const problem = await refused(t, requestOf(builder, context, [t.context.login]))
  t.is(problem.code, 'registry-login-required')
  t.true(seen.length > 0)
  const offered = seen.map(request => request.headers.authorization ?? '')
  for (const header of offered) {
    const text = Buffer.from(header.replace(/^Basic /, ''), 'base64').toString()
    t.false(text.includes('robot') || text.includes('fairlead-secret'), header)
  }
})

withBoth('a missing tag and a dead registry are told apart', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const missing = contextOf({ Dockerfile: `FROM ${base.slice(0, -2)}:nope\n` })
  t.is((await refused(t, requestOf(builder, missing, [login]))).code, 'image-not-found')
  const dead = contextOf({ Dockerfile: 'FROM 127.0.0.1:1/private/base:1\n' })
  t.is((await refused(t, requestOf(builder, dead, [login]))).code, 'registry-unreachable')
})

withBoth('a Dockerfile that cannot be read is shown with its line', async (t, builder) => {
  const problem = await refused(t, requestOf(builder, contextOf({ Dockerfile: 'FROM scratch\nFOO bar\n' })))
  t.is(problem.code, 'dockerfile-invalid')
  t.is(problem.saw, 'dockerfile parse error line 2: unknown instruction: FOO')
})

withBoth('a step that fails is named with its exit code and its last 20 lines', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const Dockerfile = `FROM ${base}\nRUN for i in $(seq 30); do echo out-$i-; done; printf last; exit 3\n`
  const problem = await refused(t, requestOf(builder, contextOf({ Dockerfile }), [login]))
  t.is(problem.code, 'build-failed')
  t.regex(problem.headline, /^The Dockerfile step \[2\/2\] RUN for .* failed with exit code 3$/)
  t.deepEqual(problem.saw?.split('\n'), [...Array.from({ length: 19 }, (_, i) => `out-${i + 12}-`), 'last'])
})

withBoth('a step that RUN only pretends to be the end of the build is no success', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const Dockerfile = `FROM ${base}\nRUN echo Successfully built 0123456789ab; exit 1\n`
  t.is((await refused(t, requestOf(builder, contextOf({ Dockerfile }), [login]))).code, 'build-failed')
})

withBoth('output is indented below its step, and characters stay whole', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const wide = '€'.repeat(300)
  const Dockerfile = `FROM ${base}\nRUN : ${randomUUID()}; for i in 1 2 3; do echo ${wide}; done; echo done-\\(tm\\)\n`
  const { lines } = await build(t, requestOf(builder, contextOf({ Dockerfile }), [login]))
  t.is(lines.filter(line => line === `         ${wide}`).length, 3)
})

test('buildkit: a character whose bytes come one by one is put together', async t => {
  const base = await freshImage(t)
  const { login } = t.context
  const Dockerfile = `FROM ${base}\nRUN : ${randomUUID()}; printf '\\342'; sleep 0.6; printf '\\202'; sleep 0.6; printf '\\254\\n'\n`
  const { lines } = await build(t, requestOf('buildkit', contextOf({ Dockerfile }), [login]))
  t.true(lines.includes('         €'), lines.join('\n'))
})

withBoth('the password is in no layer, label, history or line', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const Dockerfile = `FROM ${base}\nRUN : ${randomUUID()}; env; cat /proc/self/environ\n`
  const request = requestOf(builder, contextOf({ Dockerfile }), [login])
  const { lines, progressed, image } = await build(t, request)
  const history = await docker.getImage(request.tag).history()
  const everything = JSON.stringify([lines, progressed, image, history])
  t.false(everything.includes('fairlead-secret'))
  t.false(everything.includes(Buffer.from(`robot:${PASSWORD}`).toString('base64')))
})

withBoth('a slow upload and a slow step do not lose the session', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const Dockerfile = `FROM ${base}\nRUN : ${randomUUID()}; sleep 2; echo survived\n`
  const whole = contextOf({ Dockerfile, filler: Buffer.alloc(300_000, 'x') })
  const slow = () =>
    Readable.from(
      (async function* () {
        for await (const chunk of whole()) {
          yield chunk
          // The engine looks after its session once a second: the upload has to last for several of them.
          await delay(3000 / 5)
        }
      })(),
    )
  const { lines } = await build(t, requestOf(builder, slow, [login]))
  t.true(lines.includes('         survived'))
  // Two seconds and more: how much more is the machine's.
  const [took = ''] = lines.flatMap(line => /^ {7}\[2\/2\] done in (.+)$/.exec(line)?.[1] ?? [])
  t.regex(took, /^(?!0\.|1\.\d s)\d/, lines.join('\n'))
})

/** Whether a process of this machine carries the text in its command line. */
function processRuns(text: string): boolean {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .some(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
      } catch {
        return false
      }
    })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(50)
}

withBoth('leaving in the middle stops what the engine runs', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const mark = randomUUID()
  const Dockerfile = `FROM ${base}\nRUN echo begun; sleep 600; : ${mark}\n`
  const leaving = new AbortController()
  const reason = new Error('the pusher left')
  const request = requestOf(builder, contextOf({ Dockerfile }), [login])
  const transcript = listen()
  const building = buildImage(docker, request, OPTIONS, transcript, leaving.signal)
  await Promise.race([transcript.heard('         begun'), building])
  t.true(processRuns(mark))
  leaving.abort(reason)
  t.is(await t.throwsAsync(building), reason)
  await until(() => !processRuns(mark))
  await t.throwsAsync(docker.getImage(request.tag).inspect(), { message: /no such image/i })
})

withBoth('a build over the limit of the stack is stopped, and the limit named', async (t, builder) => {
  const base = await freshImage(t)
  const { login } = t.context
  const mark = randomUUID()
  const Dockerfile = `FROM ${base}\nRUN sleep 600; : ${mark}\n`
  const request = requestOf(builder, contextOf({ Dockerfile }), [login])
  const error = await t.throwsAsync(
    buildImage(docker, request, { ...OPTIONS, timeoutSeconds: 3 }, listen(), LIVE),
    { instanceOf: Problem },
  )
  t.is((error as Problem).code, 'build-timeout')
  t.is(error?.message, 'The build took longer than the 3 seconds that the stack allows, and was stopped')
  await until(() => !processRuns(mark))
})

withBoth('a context that breaks off ends the build with its own error', async (t, builder) => {
  const broken = new Error('git died')
  const context = () =>
    Readable.from(
      (async function* () {
        const whole = contextOf({ Dockerfile: 'FROM scratch\n', filler: Buffer.alloc(20_000_000) })
        let sent = 0
        for await (const chunk of whole()) {
          yield chunk
          sent += chunk.length
          // By then the engine has taken most of it, and BuildKit's answer has begun.
          if (sent > 15_000_000) throw broken
        }
      })(),
    )
  t.is(await t.throwsAsync(build(t, requestOf(builder, context))), broken)
})

withBoth(
  'the context is destroyed when the build fails before it was read to its end',
  async (t, builder) => {
    const stream = new PassThrough()
    const leaving = new AbortController()
    const building = buildImage(
      docker,
      requestOf(builder, () => stream),
      OPTIONS,
      listen(),
      leaving.signal,
    )
    stream.write(Buffer.alloc(512))
    leaving.abort(new Error('left'))
    await t.throwsAsync(building, { message: 'left' })
    if (!stream.closed) await once(stream, 'close').catch(() => {})
    t.true(stream.destroyed)
  },
)

withBoth('a large context of a Dockerfile that fails at once still gives the reason', async (t, builder) => {
  const base = await freshImage(t)
  const context = contextOf({
    Dockerfile: `FROM ${base}\n`,
    filler: Buffer.alloc(40_000_000, 'x'),
  })
  t.is((await refused(t, requestOf(builder, context))).code, 'registry-login-required')
})

test('an engine that is not there is unreachable', async t => {
  const { default: Docker } = await import('dockerode')
  const nowhere = new Docker({ socketPath: `/nonexistent/${randomUUID()}.sock` })
  for (const builder of ['buildkit', 'classic'] as const) {
    const request = requestOf(builder, contextOf({ Dockerfile: 'FROM scratch\n' }))
    const error = await t.throwsAsync(buildImage(nowhere, request, OPTIONS, listen(), LIVE))
    t.is((error as Problem).code, 'engine-unreachable')
  }
})

test('buildkit: what one app keeps in a cache mount is there for its next build and for no other app', async t => {
  const base = await freshImage(t)
  const { login } = t.context
  const Dockerfile = (mark: string) =>
    `FROM ${base}\nRUN --mount=type=cache,target=/kept echo kept: $(ls /kept); touch /kept/${mark}\n`
  const request = (mark: string) =>
    requestOf('buildkit', contextOf({ Dockerfile: Dockerfile(mark) }), [login])
  const [one, other] = [request('one'), request('other')]
  const kept = ({ lines }: { lines: string[] }) => lines.filter(line => line.startsWith('         kept:'))
  const first = await build(t, one)
  t.deepEqual(kept(first), ['         kept:'])
  t.deepEqual(kept(await build(t, other)), ['         kept:'])
  const again = { ...request('two'), tag: one.tag.replace(/:v1$/, ':v2') }
  t.deepEqual(kept(await build(t, again)), ['         kept: one'])
  const history = await docker.getImage(one.tag).history()
  t.false(JSON.stringify([first.image, history]).includes('CACHE_MOUNT_NS'))
})
