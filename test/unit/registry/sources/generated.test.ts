// What generators gave: kept in memory for its time, and asked for anew when a registry refuses what is old.
import { execFileSync } from 'node:child_process'
import test from 'ava'
import type { Generator } from '../../../../src/domain/generator.ts'
import { parseImageReference } from '../../../../src/domain/image-reference.ts'
import { keychainOf } from '../../../../src/domain/keychain.ts'
import type { RegistryAuth } from '../../../../src/domain/registry-auth.ts'
import { Secret } from '../../../../src/domain/secret.ts'
import { createGeneratedCache, generatedSource } from '../../../../src/registry/sources/generated.ts'
import { until } from '../../../support/until.ts'

const ecr: Generator = {
  id: 7,
  name: 'ecr',
  image: 'codeship/aws-ecr-dockercfg-generator',
  env: new Map(),
  ttl: 3600,
  timeout: 60,
  host: null,
  addDocker: false,
}
const HOUR = 3_600_000

function dockercfg(logins: Record<string, string>): string {
  const entries = Object.entries(logins).map(([host, login]) => [host, { auth: btoa(login) }])
  return JSON.stringify({ auths: Object.fromEntries(entries) })
}

/** A generator that gives another password at every run, and a clock that stands still until it is set. */
function ground() {
  const clock = { now: 1_000_000 }
  const cache = createGeneratedCache(() => clock.now)
  let runs = 0
  const generate = async () => {
    runs += 1
    return dockercfg({ 'quay.io': `robot:password-${runs}`, 'ghcr.io': `robot:other-${runs}` })
  }
  return {
    clock,
    cache,
    runs: () => runs,
    /** As for one deploy. */
    source: (changes: Partial<Generator> = {}, run: () => Promise<string> = generate) =>
      generatedSource({ ...ecr, ...changes }, cache, run),
  }
}

const passwords = (auths: readonly RegistryAuth[]) => auths.map(({ password }) => password.reveal())

test('credentials are of the host that is asked for, and say which generator gave them', async t => {
  const { source } = ground()
  const auths = await source().read('ghcr.io')
  t.deepEqual(auths, [
    {
      host: 'ghcr.io',
      path: '',
      kind: 'password',
      username: 'robot',
      password: new Secret('other-1'),
      source: 'generator ecr',
    },
  ])
  t.deepEqual(passwords(auths), ['other-1'])
})

test('a later deploy is given what is kept, and from its last second on it is run again', async t => {
  const { source, clock, runs } = ground()
  await source().read('quay.io')
  clock.now += HOUR - 1
  t.deepEqual(passwords(await source().read('quay.io')), ['password-1'])
  clock.now += 1
  t.deepEqual(passwords(await source().read('quay.io')), ['password-2'])
  t.is(runs(), 2)
})

test('within a deploy what it made itself grows old too', async t => {
  const { source, clock } = ground()
  const deploy = source()
  await deploy.read('quay.io')
  clock.now += HOUR
  t.deepEqual(passwords(await deploy.read('quay.io')), ['password-2'])
})

test('without a ttl one run serves one deploy, and nothing is kept', async t => {
  const { source, runs, cache } = ground()
  const deploy = source({ ttl: 0 })
  await deploy.read('quay.io')
  await deploy.read('ghcr.io')
  t.is(runs(), 1)
  t.is(cache.size, 0)
  t.deepEqual(passwords(await source({ ttl: 0 }).read('quay.io')), ['password-2'])
})

test('images that are resolved at the same time wait for one run', async t => {
  const { source, runs } = ground()
  for (const ttl of [0, 3600]) {
    const deploy = source({ ttl })
    await Promise.all([deploy.read('quay.io'), deploy.read('quay.io'), deploy.read('ghcr.io')])
  }
  t.is(runs(), 2)
})

test('a run that fails is told to all who wait for it, and is tried again by who asks later', async t => {
  let runs = 0
  const { source } = ground()
  const deploy = source({}, async () => {
    runs += 1
    if (runs === 1) throw new Error('the first run')
    return dockercfg({ 'quay.io': 'robot:later' })
  })
  const outcomes = await Promise.allSettled([deploy.read('quay.io'), deploy.read('quay.io')])
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  t.deepEqual(passwords(await deploy.read('quay.io')), ['later'])
  t.is(runs, 2)
})

test('a deploy that is given up takes no run away from another one', async t => {
  const { cache } = ground()
  const leaving = Promise.withResolvers<string>()
  const left = generatedSource(ecr, cache, () => leaving.promise).read('quay.io')
  const other = generatedSource(ecr, cache, async () => dockercfg({ 'quay.io': 'robot:mine' })).read(
    'quay.io',
  )
  leaving.reject(new Error('left'))
  await t.throwsAsync(left, { message: 'left' })
  t.deepEqual(passwords(await other), ['mine'])
})

test('a generator for one host is not run for another, and is believed of no other', async t => {
  const { source, runs } = ground()
  const deploy = source({ host: 'quay.io' })
  t.deepEqual(await deploy.read('ghcr.io'), [])
  t.deepEqual(await deploy.renew?.('ghcr.io'), [])
  t.is(runs(), 0)
  t.deepEqual(passwords(await deploy.read('quay.io')), ['password-1'])
  t.deepEqual(await deploy.read('ghcr.io'), [])
})

test('a changed generator is not given what the one before it made', async t => {
  const { source } = ground()
  await source().read('quay.io')
  t.deepEqual(passwords(await source({ id: 8 }).read('quay.io')), ['password-2'])
})

test('where what is kept is refused, it is forgotten and made anew', async t => {
  const { source, runs } = ground()
  await source().read('quay.io')
  const deploy = source()
  const offered: string[] = []
  for await (const auth of keychainOf([deploy]).candidates(parseImageReference('quay.io/acme/shop')))
    offered.push(auth.password.reveal())
  t.deepEqual(offered, ['password-1', 'password-2'])
  t.is(runs(), 2)
  t.deepEqual(passwords(await source().read('quay.io')), ['password-2'])
})

test('where what was just made is refused, it is not made once more', async t => {
  for (const ttl of [0, 3600]) {
    const { source, runs } = ground()
    const deploy = source({ ttl })
    await deploy.read('quay.io')
    await deploy.read('quay.io')
    t.deepEqual(await deploy.renew?.('quay.io'), [])
    t.is(runs(), 1)
  }
})

test('what was refused is not kept, though nothing new can be made', async t => {
  const { source, cache } = ground()
  await source().read('quay.io')
  const deploy = source({}, () => Promise.reject(new Error('no more')))
  await deploy.read('quay.io')
  await t.throwsAsync(async () => deploy.renew?.('quay.io'), { message: 'no more' })
  t.is(cache.fresh(7), null)
})

test('two images that are refused what is kept share one renewal, at the same time or one after the other', async t => {
  const { source, runs } = ground()
  await source().read('quay.io')
  const deploy = source()
  await Promise.all([deploy.read('quay.io'), deploy.read('quay.io'), deploy.read('ghcr.io')])
  const [first = [], second = []] = await Promise.all([deploy.renew?.('quay.io'), deploy.renew?.('quay.io')])
  t.deepEqual([passwords(first), passwords(second)], [['password-2'], ['password-2']])
  t.deepEqual(passwords((await deploy.renew?.('ghcr.io')) ?? []), ['other-2'])
  t.is(runs(), 2)
})

test('nothing that was kept is left once its time is over, though nobody asks', async t => {
  const cache = createGeneratedCache()
  cache.keep(7, [], 0.01, 100)
  t.is(cache.size, 1)
  await until('it is gone', async () => cache.size === 0)
  t.is(cache.fresh(7), null)
})

test('the timer of what is kept anew is not that of what was kept before', async t => {
  const cache = createGeneratedCache()
  cache.keep(7, [], 0.01, 100)
  cache.keep(7, [], 3600, 100)
  cache.keep(8, [], 0.02, 100)
  await until('the other one is gone', async () => cache.fresh(8) === null && cache.size === 1)
  t.deepEqual(cache.fresh(7), [])
})

test('too many make the oldest give way, and so do too large ones', t => {
  const cache = createGeneratedCache()
  for (let id = 1; id <= 1001; id += 1) cache.keep(id, [], 3600, 1)
  t.is(cache.size, 1000)
  t.is(cache.fresh(1), null)
  t.deepEqual(cache.fresh(2), [])

  const few = createGeneratedCache()
  for (let id = 1; id <= 17; id += 1) few.keep(id, [], 3600, 1024 * 1024)
  t.is(few.size, 16)
  t.is(few.fresh(1), null)
  for (let n = 0; n < 100; n += 1) few.keep(17, [], 3600, 1024 * 1024)
  t.is(few.size, 16)
})

test('a time longer than a timer can wait is no time at all for the timer only', async t => {
  const cache = createGeneratedCache()
  cache.keep(7, [], 10_000_000, 100)
  cache.keep(8, [], 0.01, 100)
  await until('the shorter one is gone', async () => cache.size === 1)
  t.deepEqual(cache.fresh(7), [])
})

test('what is kept does not keep the gateway from ending', t => {
  const home = new URL('../../../../src/registry/sources/generated.ts', import.meta.url).href
  const program = `import { createGeneratedCache } from ${JSON.stringify(home)}
createGeneratedCache().keep(7, [], 3600, 100)
process.stdout.write('kept')`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  t.is(said, 'kept')
})

test('no way of printing what is kept shows a password', async t => {
  const { source, cache } = ground()
  await source().read('quay.io')
  t.false(JSON.stringify([cache, cache.fresh(7)]).includes('password-1'))
})
