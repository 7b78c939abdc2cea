// A registry behind TLS with an authority of the company's own. The gateway and the engine each have to be told of it,
// and each says so for itself. On an address that is not loopback: there engines ask for no certificate.
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { removeImages } from '../support/build-fixtures.ts'
import { makeAuthority, type TestAuthority } from '../support/certificate.ts'
import { basicOf, ENVIRONMENT_OF, importLogins, say, twoBuilders } from '../support/credentials.ts'
import { ownAddress, trustOnEngine } from '../support/engine-trust.ts'
import { type FakeRegistry, startFakeRegistry } from '../support/fake-registry.ts'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { NO_RELEASE, problemText, refusal } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

const SCAN = 'aptible-scan'
const HOWS = ['pull', 'buildkit', 'classic'] as const
type How = (typeof HOWS)[number]

let gateway: TestGateway
let authority: TestAuthority
let registry: TestRegistry
/** Of the same authority. Lets nobody in, and remembers what it was sent. */
let fake: FakeRegistry
let forget: (() => Promise<void>) | undefined
let apps: Record<How, Checkout>

test.before(async () => {
  const address = ownAddress()
  authority = makeAuthority()
  const tls = authority.issue(`IP:${address}`)
  ;[registry, fake, gateway] = await Promise.all([
    startRegistry({ address, tls, ca: authority.cert }),
    startFakeRegistry(
      () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="fake"' } }),
      tls,
      address,
    ),
    startGateway(),
  ])
  await twoBuilders(gateway)
  for (const environment of Object.values(ENVIRONMENT_OF)) {
    await importLogins(gateway, `--environment ${environment}`, {
      [registry.host]: registry,
      [fake.host]: registry,
    })
  }
  const image = async (how: How) => {
    // No engine has it yet.
    await registry.push(`acme/${how}`, 'v1', { files: { '/mine': randomUUID() } })
    return `${registry.host}/acme/${how}:v1`
  }
  const pulled = await gateway.app({ Procfile: 'web: true\n' })
  await say(gateway, `config:set --app ${pulled.name} APTIBLE_DOCKER_IMAGE=${await image('pull')}`)
  const built = async (how: 'buildkit' | 'classic') => {
    const files = { Dockerfile: `FROM ${await image(how)}\nCMD ["true"]\n` }
    return gateway.app(files, { environment: ENVIRONMENT_OF[how] })
  }
  apps = { pull: pulled, buildkit: await built('buildkit'), classic: await built('classic') }
})
test.after.always(async () => {
  await forget?.()
  await gateway?.dispose()
  await Promise.all([registry?.stop(), fake?.stop()])
  // The classic builder leaves the bases that it pulled.
  if (registry) await removeImages(registry.host)
})

test.serial('a gateway that does not know the authority sends nothing, and says what to do', async t => {
  const { host } = registry
  const source = 'registry:login for the environment my-env'
  t.deepEqual(
    refusal(await apps.pull.push({}, SCAN)),
    problemText({
      headline: `No safe connection to ${host} for the image ${host}/acme/pull:v1: its certificate comes from an authority that is not trusted here (registry-tls)`,
      saw: `TLS with ${host} failed (UNABLE_TO_VERIFY_LEAF_SIGNATURE). It was asked at https://${host} for repository acme/pull as user robot (${source}).`,
      runs: NO_RELEASE,
      todo: `Ask whoever runs ${host} for a certificate that is trusted everywhere, or an operator of the gateway to trust its authority; if that is not its name, correct the host with \`fairlead config:set APTIBLE_DOCKER_IMAGE=…\` (or in the FROM line of the Dockerfile).`,
    }),
  )
  for (const how of ['buildkit', 'classic'] as const) {
    t.regex(refusal(await apps[how].push({}, SCAN))[0] ?? '', /^ ! {5}No safe connection .*\(registry-tls\)$/)
  }
  const explain = `registry:explain ${fake.host}/acme/app:v1 --app ${apps.pull.name}`
  t.regex((await gateway.ssh(explain)).stderr, /\(registry-tls\)$/m)
  t.deepEqual(fake.requests, [])

  const file = join(gateway.directory, 'authority.pem')
  writeFileSync(file, authority.cert)
  await gateway.restart({ FAIRLEAD_REGISTRY_CA: file })
  // So that nothing came before has a meaning.
  t.regex((await gateway.ssh(explain)).stderr, /\(registry-login-failed\)$/m)
  t.deepEqual(fake.authorizations(), [basicOf(registry)])
})

test.serial('where the gateway knows the authority and the engine does not, the engine is named', async t => {
  const { host } = registry
  const unknown = 'x509: certificate signed by unknown authority'
  t.deepEqual(
    refusal(await apps.pull.push({}, SCAN)),
    problemText({
      headline: `The Docker engine cannot make sure that it talks to ${host} (registry-tls)`,
      saw: `Get "https://${host}/v2/": ${unknown}`,
      runs: NO_RELEASE,
      todo: "Ask the operator to make the registry's certificate known to the engine (/etc/docker/certs.d).",
    }),
  )
  for (const how of ['buildkit', 'classic'] as const) {
    const [headline, saw, , todo] = refusal(await apps[how].push({}, SCAN))
    t.is(
      headline,
      ` !     The registry ${host} cannot prove who it is, or does not speak TLS, so ${host}/acme/${how}:v1 was not fetched (registry-tls)`,
    )
    t.true(saw?.endsWith(unknown), saw)
    t.regex(todo ?? '', /\(\/etc\/docker\/certs\.d\), and engine 20\.10 restarted after that/)
  }
})

// Not by BuildKit: that of engine 20.10 looks for authorities only when it starts.
test.serial('where both know the authority, images are pulled and bases are had', async t => {
  forget = trustOnEngine(registry.host, authority.cert)
  for (const how of ['pull', 'classic'] as const) {
    const push = await apps[how].push({}, SCAN)
    t.is(push.status, 0, push.all)
  }
})
