// The build cache of a real engine is trimmed: of one that is the test's own, for no part of a cache is only ours.
import { randomBytes } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import Docker from 'dockerode'
import { createBuilds } from '../../src/deploy/builds.ts'
import { dockerEngine } from '../../src/engines/docker/engine.ts'
import { contextOf, listen, requestOf } from '../support/build-fixtures.ts'
import { stackAt } from '../support/docker-ground.ts'
import { startOwnEngine } from '../support/own-engine.ts'

const { signal } = new AbortController()
const MEBIBYTE = 2 ** 20

function ownGround(t: ExecutionContext) {
  const own = startOwnEngine()
  t.teardown(own.remove)
  own.start()
  const stack = stackAt({ kind: 'unix', path: own.socket })
  const engine = dockerEngine({ stack, gatewayId: 'gateway' })
  return {
    docker: new Docker({ socketPath: own.socket }),
    stack,
    engine,
    async build(name: string, content: Buffer): Promise<string> {
      const Dockerfile = 'FROM scratch\nCOPY file /file\nCMD ["/file"]\n'
      const request = requestOf('buildkit', contextOf({ Dockerfile, file: content }))
      const transcript = listen()
      await engine.build({ ...request, tag: `fairlead-gateway/env/app:${name}` }, transcript, signal)
      return transcript.lines.join('\n')
    },
  }
}

/** Bytes that no image shares. */
async function cached(docker: Docker): Promise<number> {
  const { BuildCache }: { BuildCache: readonly { Shared: boolean; Size: number }[] | null } =
    await docker.df()
  return (BuildCache ?? []).reduce((sum, { Shared, Size }) => sum + (Shared ? 0 : Size), 0)
}

test('it shrinks to what may stay, the least used first', async t => {
  const { docker, engine, build } = ownGround(t)
  const content = () => randomBytes(4 * MEBIBYTE)
  const first = content()
  const last = content()
  await build('first', first)
  for (const n of [1, 2, 3]) await build(`other${n}`, content())
  // The engine goes by how often a thing was used, and by when. It keeps three of each build, its context among them.
  for (const _ of [1, 2, 3]) await build('last', last)
  for (const tag of await engine.tags(null, signal)) await engine.removeTag(tag, signal)
  const before = await cached(docker)
  t.true(before >= 20 * MEBIBYTE, String(before))

  await engine.trimBuildCache(1024 * MEBIBYTE, signal)
  const kept = await cached(docker)
  t.true(kept >= 20 * MEBIBYTE, String(kept))
  await engine.trimBuildCache(14 * MEBIBYTE, signal)
  const left = await cached(docker)
  t.true(left <= 14 * MEBIBYTE && left >= 4 * MEBIBYTE, String(left))
  t.regex(await build('last', last), /COPY file \/file +CACHED/)
  t.notRegex(await build('first', first), /COPY file \/file +CACHED/)

  await engine.trimBuildCache(0, signal)
  t.is(await cached(docker), 0)
  const image = await engine.findImage('fairlead-gateway/env/app:last', signal)
  t.deepEqual(image?.command, ['/file'])
})

// Without their turns some of these builds fail: what they have just made is taken for unused.
test('builds go on beside each other, and none is broken by what is trimmed between them', async t => {
  const { engine, stack, build } = ownGround(t)
  const works: Promise<void>[] = []
  const builds = createBuilds((_, work) => void works.push(work))
  const on = {
    stack: { ...stack, build: { ...stack.build, cache: 0 } },
    engine,
    transcript: listen(),
    signal,
  }
  await Promise.all(
    ['a', 'b', 'c'].map(async name => {
      const contents = [randomBytes(1000), randomBytes(1000)]
      for (let n = 0; n < 6; n += 1) {
        await t.notThrowsAsync(builds.run(on, () => build(name, contents[n % 2] ?? Buffer.of())))
      }
    }),
  )
  await Promise.all(works)
  t.true(works.length > 0)
})
