// Images that several apps share on the real engine, which forgets an image with the last of its names.
import test, { type ExecutionContext } from 'ava'
import { makeAndKeep, removeName } from '../../src/engines/docker/images.ts'
import { createTurns } from '../../src/engines/docker/turns.ts'
import { credential } from '../support/build-fixtures.ts'
import { type DockerGround, dockerGround } from '../support/docker-ground.ts'
import { importBusybox } from '../support/images.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

const { signal } = new AbortController()
let ground: DockerGround
let registry: TestRegistry

test.before(async () => {
  ground = await dockerGround()
  registry = await startRegistry()
})
test.after.always(async () => {
  await registry?.stop()
  await ground?.clear()
})

/** A name under which an image is made, and the tag that is to keep it. */
function names(t: ExecutionContext) {
  const repository = `fairlead-${ground.gatewayId}/env/${t.title.replace(/\W+/g, '').slice(0, 30)}`
  return { name: `${repository}:made`, tag: { repository, tag: 'kept' }, kept: `${repository}:kept` }
}

const take = (name: string) => ground.docker.getImage(name).remove({ force: true })

test('an image that is taken away as soon as it is made is made again', async t => {
  const { name, tag, kept } = names(t)
  let times = 0
  const make = async () => {
    times += 1
    await importBusybox(ground.docker, name)
    if (times < 3) await take(name)
    return times
  }
  const result = await makeAndKeep(ground.docker, createTurns(), make, { name, tag }, signal)
  t.is(result?.made, 3)
  t.deepEqual(await ground.engine().findImage(kept, signal), result?.image)
})

test('an image that is taken away before it has its tag is made again', async t => {
  const { name, tag, kept } = names(t)
  const turns = createTurns()
  const gone = Promise.withResolvers<void>()
  let times = 0
  const make = async () => {
    times += 1
    await importBusybox(ground.docker, name)
    if (times > 1) return
    const image = await ground.engine().findImage(name, signal)
    void turns.take(image?.id ?? '', signal, () => take(name).then(gone.resolve, gone.reject))
  }
  const result = await makeAndKeep(ground.docker, turns, make, { name, tag }, signal)
  await gone.promise
  t.is(times, 2)
  t.deepEqual(await ground.engine().findImage(kept, signal), result?.image)
})

test('an image that is gone each time it is made is given up', async t => {
  const { name, tag } = names(t)
  let times = 0
  const make = async () => {
    times += 1
  }
  t.is(await makeAndKeep(ground.docker, createTurns(), make, { name, tag }, signal), null)
  t.is(times, 5)
})

test('a name is taken away in the turn of its image', async t => {
  const { name } = names(t)
  const turns = createTurns()
  await importBusybox(ground.docker, name)
  const image = await ground.engine().findImage(name, signal)
  const over = Promise.withResolvers<void>()
  const turn = turns.take(image?.id ?? '', signal, () => over.promise)
  const removal = removeName(ground.docker, turns, name, signal)
  for (let look = 0; look < 20; look += 1) t.deepEqual(await ground.engine().findImage(name, signal), image)
  over.resolve()
  await turn
  await removal
  t.is(await ground.engine().findImage(name, signal), null)
})

test('apps that pull one image and let go of it all the while each have it while they need it', async t => {
  const { host, username, password } = registry
  const files = { '/etc/own': `${t.title} ${Math.random()}` }
  const digest = await registry.push('acme/shared', 'v1', { files, cmd: ['serve'] })
  const reference = { host, repository: 'acme/shared', tag: 'v1', digest: null }
  const engine = ground.engine()
  const transcript = { line() {}, progress() {} }
  async function app(number: number): Promise<void> {
    for (let deploy = 0; deploy < 6; deploy += 1) {
      const tag = `fairlead-${ground.gatewayId}/env/app-${number}:op${deploy}`
      const auth = credential(host, username, password)
      const image = await engine.pull({ reference, digest, auth, tag }, transcript, signal)
      t.deepEqual(await engine.findImage(tag, signal), image)
      await engine.removeTag(tag, signal)
    }
  }
  await Promise.all([1, 2, 3, 4].map(app))
  t.is(await engine.findImage(`${host}/acme/shared@${digest}`, signal), null)
  const tags = await engine.tags(null, signal)
  t.deepEqual(
    tags.filter(tag => tag.includes('/app-')),
    [],
  )
})
