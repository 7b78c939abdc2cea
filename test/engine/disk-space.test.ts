// Free space is that of the engine's own directory, and unknown wherever the gateway does not see that.
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { dockerEngine } from '../../src/engines/docker/engine.ts'
import { stackAt } from '../support/docker-ground.ts'
import { makeCertificates, tlsEngineProxy } from '../support/engine-proxy.ts'

const { signal } = new AbortController()

/** An engine that says nothing but where it keeps its data. */
async function engineIn(t: ExecutionContext, directory: unknown) {
  const home = mkdtempSync(join(tmpdir(), 'fairlead-engine-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  const answers: Record<string, unknown> = {
    '/version': { Version: '20.10.24', ApiVersion: '1.41', MinAPIVersion: '1.12' },
    '/info': { DockerRootDir: directory },
  }
  const server = http.createServer(({ url = '' }, response) => {
    response.end(JSON.stringify(answers[url.replace(/^\/v[\d.]+|\?.*$/g, '')] ?? {}))
  })
  const path = join(home, 'engine.sock')
  await new Promise<void>(resolve => server.listen(path, resolve))
  t.teardown(() => void server.close())
  return dockerEngine({ stack: stackAt({ kind: 'unix', path }), gatewayId: 'gateway' })
}

test('it is what the file system of the directory has', async t => {
  const engine = await engineIn(t, tmpdir())
  const space = await engine.diskSpace(signal)
  t.is(space?.directory, tmpdir())
  const { blocks, bsize } = statfsSync(tmpdir())
  t.true((space?.free ?? 0) > 0 && (space?.free ?? 0) <= blocks * bsize)
})

for (const [what, directory] of [
  ['that is not there', '/nowhere/at/all'],
  ['that is not absolute', '.'],
  ['that is no text', 7],
  ['that the engine does not name', undefined],
] as const) {
  test(`a directory ${what} has a space that is not known`, async t => {
    t.is(await (await engineIn(t, directory)).diskSpace(signal), null)
  })
}

test('an engine that is reached over TCP is not taken for this machine’s, and is not even asked', async t => {
  const certificates = makeCertificates()
  t.teardown(() => rmSync(certificates.directory, { recursive: true, force: true }))
  const proxy = await tlsEngineProxy(certificates)
  t.teardown(proxy.die)
  const engine = dockerEngine({ stack: stackAt(proxy.address), gatewayId: 'gateway' })
  t.is(await engine.diskSpace(signal), null)
  t.false(proxy.requests.some(request => request.includes('/info')))
})
