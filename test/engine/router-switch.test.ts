// Nobody who uses an app may notice that something changed behind the router.
import { Agent } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import type { HostPort } from '../../src/domain/host-port.ts'
import { Secret } from '../../src/domain/secret.ts'
import { routerFiles } from '../../src/routing/files.ts'
import { createRuntime } from '../../src/routing/runtime.ts'
import { backendServer } from '../support/backend-server.ts'
import { realRouter } from '../support/haproxy.ts'
import { certificateFor } from '../support/hostname-certificate.ts'
import { route } from '../support/route.ts'
import { askRouted, shownCertificate, upgradeRouted } from '../support/routed.ts'
import { until } from '../support/until.ts'
import { vanishedServer } from '../support/vanished-server.ts'

const { signal } = new AbortController()
/** Kept-alive clients, each of which asks again as soon as it has an answer. A lost answer is a failure: none asks twice. */
function load(t: ExecutionContext, at: HostPort, hostname: string, clients: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  t.teardown(() => agent.destroy())
  const failures: string[] = []
  let answers = 0
  let going = true
  const client = async () => {
    while (going) {
      try {
        const { status, body } = await askRouted(at, hostname, '/', { agent })
        answers += 1
        if (status !== 200) failures.push(`${status} ${body}`)
      } catch (error) {
        failures.push(String(error))
      }
    }
  }
  const all = Array.from({ length: clients }, client)
  return {
    failures,
    get answers() {
      return answers
    },
    more: (count: number) => {
      const wanted = answers + count
      return until('more requests were answered', async () => answers >= wanted)
    },
    end: async () => {
      going = false
      await Promise.all(all)
    },
  }
}

test('twenty switches under load lose no request, and each takes hold of kept-alive connections', async t => {
  const { router, http, logged } = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.2.1'), await backendServer(t, '127.0.2.2')]
  await router.replace([route('a.example', 0, one)], signal)
  const clients = load(t, http, 'a.example', 20)
  for (let turn = 1; turn <= 20; turn += 1) {
    const [serving, left] = turn % 2 === 0 ? [one, other] : [other, one]
    await clients.more(50)
    await router.update([route('a.example', 0, serving)], signal)
    await until('the old one has ended what it had', async () => {
      return (await router.underWay(new Set([left.address]), signal)) === 0
    })
    const before = left.requests
    await clients.more(50)
    t.is(left.requests, before)
  }
  await clients.end()
  t.deepEqual(clients.failures, [])
  t.deepEqual(logged, [])
})

test('a switch, a new endpoint, a certificate and its successor cost no reload', async t => {
  const { router, http, https, workers } = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.2.15'), await backendServer(t, '127.0.2.16')]
  await router.replace([route('a.example', 0, one)], signal)
  const before = workers()
  await router.update([route('a.example', 0, other)], signal)
  const added = { ...route('b.example', 1, one), secure: true }
  await router.update([added], signal)
  t.is((await askRouted(http, 'b.example')).status, 308)
  for (let each = 0; each < 2; each += 1) {
    const { pem, fingerprint } = certificateFor(added.hostname)
    await router.putCertificate(added.hostname, new Secret(pem), signal)
    t.is(await shownCertificate(https, 'b.example'), fingerprint)
  }
  await router.answerChallenge('token', 'token.print', signal)
  await router.removeCertificate(added.hostname, signal)
  await router.remove(added.hostname, signal)
  t.is((await askRouted(http, 'a.example')).body, other.address)
  t.deepEqual(workers(), before)
})

test('a container that was switched away from may die at once', async t => {
  const { router, http } = await realRouter(t)
  await router.replace([], signal)
  let serving = await backendServer(t, '127.0.2.3')
  await router.update([route('a.example', 0, serving)], signal)
  const clients = load(t, http, 'a.example', 10)
  for (let turn = 0; turn < 8; turn += 1) {
    await clients.more(30)
    const next = await backendServer(t, '127.0.2.3')
    await router.update([route('a.example', 0, next)], signal)
    await clients.more(30)
    await serving.close()
    serving = next
  }
  await clients.end()
  t.deepEqual(clients.failures, [])
})

test('a reload that enlarges the pool under load loses no request, nor do switches after it', async t => {
  const { router, http, logged } = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.2.4'), await backendServer(t, '127.0.2.5')]
  await router.replace([route('a.example', 0, one)], signal)
  const clients = load(t, http, 'a.example', 20)
  await clients.more(200)
  await router.update([route('b.example', 32, other)], signal)
  t.true(logged.some(line => line.includes('"pool":64')))
  await clients.more(200)
  await router.update([route('a.example', 0, other)], signal)
  await clients.more(200)
  t.is((await askRouted(http, 'b.example')).body, other.address)
  await clients.end()
  t.deepEqual(clients.failures, [])
})

test('a connection that was kept open over a reload reaches who serves now', async t => {
  const { router, http } = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.2.6'), await backendServer(t, '127.0.2.7')]
  await router.replace([route('a.example', 0, one)], signal)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  t.is((await askRouted(http, 'a.example', '/', { agent })).body, one.address)
  await router.update([route('b.example', 40, other)], signal)
  await router.update([route('a.example', 0, other)], signal)
  t.is((await askRouted(http, 'a.example', '/', { agent })).body, other.address)
})

test('upgraded connections go on over switches and reloads, of other apps and of their own, until they are cut', async t => {
  const { router, http } = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.2.8'), await backendServer(t, '127.0.2.9')]
  await router.replace([route('a.example', 0, one), route('b.example', 1, other)], signal)
  const held = await upgradeRouted(http, 'a.example')
  t.is(await held.echo('first'), 'first')
  await router.update([route('b.example', 1, one)], signal)
  t.is(await held.echo('other app switched'), 'other app switched')
  await router.update([route('c.example', 40, other)], signal)
  t.is(await held.echo('reloaded'), 'reloaded')
  await router.update([route('a.example', 0, other)], signal)
  t.is(await held.echo('own app switched'), 'own app switched')
  t.is(await router.underWay(new Set([one.address]), signal), 1)
  await router.cut(new Set([one.address]), signal)
  await held.ended
  t.is(await router.underWay(new Set([one.address]), signal), 0)
})

test('a slow answer is finished by the container that was asked', async t => {
  const { router, http } = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.2.10'), await backendServer(t, '127.0.2.11')]
  await router.replace([route('a.example', 0, one)], signal)
  const answer = askRouted(http, 'a.example', '/slow')
  await until('it is asked', async () => one.waiting === 1)
  await router.update([route('a.example', 0, other)], signal)
  t.is(await router.underWay(new Set([one.address]), signal), 1)
  one.release()
  t.is((await answer).body, one.address)
})

test('when draining connections have taken every slot, HAProxy is reloaded and keeps them', async t => {
  const { router, http, logged } = await realRouter(t)
  await router.replace([], signal)
  const held = []
  const addresses: string[] = []
  for (let turn = 0; turn < 10; turn += 1) {
    const server = await backendServer(t, `127.0.3.${turn + 1}`)
    addresses.push(server.address)
    await router.update([route('a.example', 0, server)], signal)
    held.push(await upgradeRouted(http, 'a.example'))
  }
  t.is(logged.filter(line => line.includes('reloaded')).length, 1)
  t.deepEqual(
    held.map(({ address }) => address),
    addresses,
  )
  for (const each of held) t.is(await each.echo('still here'), 'still here')
  t.is(await router.underWay(new Set(addresses), signal), 10)
  await router.cut(new Set(addresses), signal)
  await Promise.all(held.map(({ ended }) => ended))
})

test('requests go to another container when one of them dies without a word', async t => {
  const { router, http } = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.2.12'), await backendServer(t, '127.0.2.13')]
  await router.replace([route('a.example', 0, one, other)], signal)
  await one.close()
  for (let each = 0; each < 6; each += 1) t.is((await askRouted(http, 'a.example')).body, other.address)
})

/** Of the backend of slot 0: how often HAProxy tried once more with the same server, and how often with another. */
async function tries(directory: string) {
  const { ask } = createRuntime(routerFiles(directory).socket)
  const [header = '', row = ''] = (await ask('worker', ['show', 'stat', 'fairlead_0', 2, -1], signal)).split(
    '\n',
  )
  const cell = (name: string) => Number(row.split(',')[header.slice(2).split(',').indexOf(name)])
  return { same: cell('wretr'), other: cell('wredis') }
}

test('where a container is gone without a trace, the first try after it goes to another', async t => {
  const { router, http, directory } = await realRouter(t)
  const [gone, other] = [await vanishedServer(t, '127.0.2.15'), await backendServer(t, '127.0.2.16')]
  await router.replace([route('a.example', 0, gone, other)], signal)
  await until('one ran into it', async () => {
    t.is((await askRouted(http, 'a.example')).body, other.address)
    return (await tries(directory)).other > 0
  })
  t.deepEqual(await tries(directory), { same: 0, other: 1 })
})

test('where the only container is gone without a trace, the app is down; when the route says so, with the next try', async t => {
  const { router, http, directory } = await realRouter(t)
  const gone = await vanishedServer(t, '127.0.2.17')
  const ask = async () => {
    const { status, body } = await askRouted(http, 'a.example')
    t.deepEqual({ status, body }, { status: 503, body: 'This app is not running at the moment.\n' })
  }
  await router.replace([route('a.example', 0, gone)], signal)
  await ask()
  t.deepEqual(await tries(directory), { same: 3, other: 0 })
  // On a busy machine the route may come too late for one of them.
  await until('one was told before its last try', async () => {
    await router.update([route('a.example', 0, gone)], signal)
    const before = await tries(directory)
    let isOver = false
    const asked = ask().finally(() => {
      isOver = true
    })
    const isTried = async () => (await router.underWay(new Set([gone.address]), signal)) === 1
    await until('it is tried', async () => isOver || (await isTried()))
    await router.update([route('a.example', 0)], signal)
    await asked
    return (await tries(directory)).same < before.same + 3
  })
})

test('a request that may not be made twice is not made twice', async t => {
  const { router, http } = await realRouter(t)
  const server = await backendServer(t, '127.0.2.14')
  await router.replace([route('a.example', 0, server)], signal)
  t.is((await askRouted(http, 'a.example', '/silent', { method: 'POST', content: 'once' })).status, 502)
  t.is(server.requests, 1)
  await askRouted(http, 'a.example', '/silent')
  t.true(server.requests > 2)
})

test('HAProxy answers whoever tells and asks it from many sides, also about workers that end after a reload', async t => {
  const { router, http } = await realRouter(t)
  const [one, other] = [await backendServer(t, '127.0.2.1'), await backendServer(t, '127.0.2.2')]
  await router.replace([route('a0.example', 0, one)], signal)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  let slot = 0
  const side = async () => {
    while (slot < 80) {
      slot += 1
      const hostname = `a${slot}.example`
      const own = slot
      await router.update([route(hostname, own, one)], signal)
      await askRouted(http, hostname, '/', { agent })
      await router.update([route(hostname, own, other)], signal)
      for (let i = 0; i < 4; i += 1) await router.underWay(new Set([one.address]), signal)
    }
  }
  await t.notThrowsAsync(Promise.all(Array.from({ length: 6 }, side)))
  t.is((await router.seen(signal)).length, slot + 1)
})
