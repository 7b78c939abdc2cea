// Credentials in files: encrypted in the repository, imported, fetched from an address, shared as a secret. Each is
// used for a real pull or build, from registries that let nobody in without it.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { armor, Encrypter } from 'age-encryption'
import test from 'ava'
import { makeAuthority } from '../support/certificate.ts'
import { page } from '../support/page.ts'
import {
  configJson,
  encoded,
  headline,
  type PrivateImages,
  startPrivateImages,
} from '../support/private-images.ts'
import { NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { found, spellings } from '../support/spellings.ts'

const authority = makeAuthority()
const directory = mkdtempSync(join(tmpdir(), 'fairlead-files-'))
const open = join(directory, 'open')
let images: PrivateImages

test.before(async () => {
  mkdirSync(open)
  writeFileSync(join(directory, 'ca.pem'), authority.cert)
  images = await startPrivateImages({
    FAIRLEAD_REGISTRY_FILES: join(open, '{environment}'),
    FAIRLEAD_REGISTRY_CA: join(directory, 'ca.pem'),
  })
})
test.after.always(async () => {
  await images?.dispose()
  rmSync(directory, { recursive: true, force: true })
})

const needles = () =>
  [images.shop, images.base].map(({ password, username }) => spellings(password, username))
/** The archive of a `.docker` folder as people make it. */
function dockerTarGz(config: string): Buffer {
  const home = mkdtempSync(join(directory, 'home-'))
  mkdirSync(join(home, '.docker'))
  writeFileSync(join(home, '.docker', 'config.json'), config, { mode: 0o600 })
  execFileSync('tar', ['-czf', 'docker.tar.gz', '.docker'], { cwd: home })
  return readFileSync(join(home, 'docker.tar.gz'))
}

test('a file that the CLI encrypted opens both registries to a build, until the key is rotated', async t => {
  const { gateway, shop, base } = images
  const app = await images.building('encrypted')
  const plain = configJson(shop, base)
  const file = images.file('both.json', plain)
  const made = await gateway.fairlead(['registry:encrypt', file, '--app', app.name])
  t.is(made.status, 0, made.all)
  for (const each of needles()) t.deepEqual(found(made.all, each), [])

  const push = await app.push({ 'dockercfg.encrypted': made.stdout })
  t.is(push.status, 0, push.all)
  t.is(await page(gateway, app.name), 'base\n')

  const [reader, observer] = await Promise.all([
    gateway.person('reader', { environment: 'encrypted', role: 'deploy' }),
    gateway.person('observer', { environment: 'encrypted', role: 'observe' }),
  ])
  t.is(await images.run(`registry:decrypt --app ${app.name}`, { as: reader }), plain)
  const here = { as: observer, stdin: made.stdout }
  for (const command of ['registry:decrypt', 'registry:decrypt -']) {
    const denied = await images.ask(`${command} --app ${app.name}`, here)
    t.is(denied.status, 1)
    t.regex(headline(denied), /it needs the role deploy.* \(forbidden\)$/)
    for (const each of needles()) t.deepEqual(found(denied.all, each), [])
  }

  const old = /age1[a-z0-9]+/.exec(made.stdout)?.[0]
  const rotated = await images.run(`registry:rotate-key --app ${app.name} --confirm ${app.app}`)
  const [key] = /age1[a-z0-9]+/.exec(rotated) ?? []
  const locked = await app.push()
  t.is(locked.status, 1)
  t.deepEqual(
    refusal(locked).map(line => line.replace(/at \d.*?Z/, 'at TIME')),
    problemText({
      headline: `dockercfg.encrypted was made for a key of ${app.name} that \`fairlead registry:rotate-key\` has replaced (dockercfg-locked)`,
      saw: `It was made for ${old}, which was replaced at TIME. The key of ${app.name} is ${key}.`,
      runs: 'Release v1 (web), as before.',
      todo: 'Encrypt the original again with `fairlead registry:encrypt FILE > dockercfg.encrypted`, commit it and push.',
    }),
  )
  t.is(await page(gateway, app.name), 'base\n')
})

test('each way in which an encrypted file cannot be read has a sentence of its own', async t => {
  const { gateway, shop } = images
  const [app, other] = await Promise.all([images.pulling('locked'), images.pulling('locked-too')])
  const refused = async (file: string | Buffer) => {
    const push = await app.push({ 'dockercfg.encrypted': file as string })
    t.is(push.status, 1, push.all)
    t.deepEqual(found(push.all, spellings(shop.password, shop.username)), [])
    return refusal(push)
  }
  const config = images.file('shop.json', configJson(shop))
  const foreign = await images.fairlead('registry:encrypt', config, '--app', other.name)
  t.is(
    (await refused(foreign))[0],
    ` !     ${app.name} has no key yet, so nothing can be read with it (dockercfg-locked)`,
  )

  const recipient = (await images.run(`registry:key --app ${app.name}`)).trim()
  // As people do who have the plain tool.
  const age = async (text: string) => {
    const encrypter = new Encrypter()
    encrypter.addRecipient(recipient)
    return armor.encode(await encrypter.encrypt(text))
  }
  const [first, saw] = await refused(foreign)
  t.is(first, ` !     dockercfg.encrypted was made for another app, ${other.name} (dockercfg-locked)`)
  t.true(saw?.endsWith(`The key of ${app.name} is ${recipient}.`), saw)

  const whole = await age(configJson(shop))
  const half = whole.slice(0, whole.length - 90)
  t.deepEqual((await refused(half)).slice(0, 2), [
    ' !     dockercfg.encrypted is cut off or damaged (dockercfg-locked)',
    `       What we saw:   It ends after ${half.length} bytes, before the line -----END AGE ENCRYPTED FILE-----.`,
  ])

  const broken = `{\n  "auths": {\n    "${shop.host}": { "auth": "${encoded(shop)}" },\n    oops\n  }\n}\n`
  t.is(
    (await refused(await age(broken)))[0],
    ' !     Failed to parse dockercfg: dockercfg.encrypted, line 4, column 5 (dockercfg-invalid)',
  )

  const mended = await app.push({ 'dockercfg.encrypted': whole })
  t.is(mended.status, 0, mended.all)
  t.true(
    remoteLines(mended).includes(`-----> Pulling ${images.image} as robot (dockercfg.encrypted)`),
    mended.all,
  )
  t.is(await page(gateway, app.name), 'shop\n')
})

test('credentials in the repository that are not encrypted are warned of loudly, and not used', async t => {
  const app = await images.pulling('careless')
  const paths = ['dockercfg', '.dockercfg', '.docker/config.json']
  const push = await app.push(Object.fromEntries(paths.map(path => [path, configJson(images.shop)])))
  t.is(push.status, 1)
  const lines = remoteLines(push)
  for (const path of paths) {
    t.true(lines.includes(` !!    ${path} IS IN THIS COMMIT, AND IT IS NOT ENCRYPTED.`), path)
  }
  t.regex(headline(push), /wants a login before it shows the image .* \(registry-login-required\)$/)
  t.regex(push.all, new RegExp(`\`fairlead registry:explain ${images.image}\``))
})

test('what docker wrote is imported in each of its forms, and forgotten at a logout', async t => {
  const { gateway, shop, base } = images
  const app = await images.building('imported')
  const importing = (file: string) => images.ask(`registry:import - --app ${app.name}`, { stdin: file })

  const helper = await importing(JSON.stringify({ auths: { [shop.host]: {} }, credsStore: 'desktop' }))
  t.is(helper.status, 1)
  t.is(
    headline(helper),
    `standard input holds no password for ${shop.host}: docker keeps it in the credential helper desktop on the machine where \`docker login\` was run (dockercfg-invalid)`,
  )
  t.regex(helper.all, new RegExp(`What to do: +Store the login with \`fairlead registry:login ${shop.host} `))

  t.regex(encoded(shop), /=$/, 'padded, so that the padding can be left out')
  const unpadded = JSON.stringify({ auths: { [shop.host]: { auth: encoded(shop).replace(/=+$/, '') } } })
  const flat = JSON.stringify({ [`https://${base.host}`]: { auth: encoded(base), email: 'a@example.com' } })
  for (const [content, login] of [
    [unpadded, shop],
    [flat, base],
  ] as const) {
    const imported = await importing(content)
    t.is(imported.status, 0, imported.all)
    t.regex(imported.stdout, new RegExp(`^  user ${login.username} at ${login.host}$`, 'm'))
    for (const each of needles()) t.deepEqual(found(imported.all, each), [])
  }
  const push = await app.push()
  t.is(push.status, 0, push.all)
  t.is(await page(gateway, app.name), 'base\n')

  for (const { host } of [shop, base]) await images.run(`registry:logout ${host} --app ${app.name}`)
  const out = await app.push()
  t.is(out.status, 1)
  t.regex(headline(out), /\(registry-login-required\)$/)
  t.regex(out.all, /`fairlead registry:explain 127\.0\.0\.1:\d+\/acme\/(?:shop|base):v1`/)

  const archive = images.file('docker.tar.gz', dockerTarGz(configJson(shop, base)))
  await images.fairlead('registry:import', archive, '--app', app.name)
  const again = await app.push()
  t.is(again.status, 0, again.all)
})

test('a file: address is read below the directory that the operator opened to the environment, and nowhere else', async t => {
  const { gateway, shop, base } = images
  const app = await images.building('file-uri')
  const mine = join(open, app.environment)
  const theirs = join(open, 'their-env')
  for (const each of [mine, theirs]) mkdirSync(each)
  const setUri = (path: string) => images.run(`registry:uri file://${path} --app ${app.name}`)
  writeFileSync(join(directory, 'config.json'), configJson(shop, base))
  writeFileSync(join(theirs, 'config.json'), configJson(shop, base))
  symlinkSync('../their-env/config.json', join(mine, 'link.json'))
  for (const outside of [
    join(directory, 'config.json'),
    join(theirs, 'config.json'),
    join(mine, 'link.json'),
  ]) {
    await setUri(outside)
    const push = await app.push()
    t.is(push.status, 1)
    t.deepEqual(
      refusal(push),
      problemText({
        headline: `The registry credentials at file://${outside} could not be fetched (registry-uri-failed)`,
        saw: `Only files below ${mine} may be read, and links only as long as they stay there.`,
        runs: NO_RELEASE,
        todo: 'Ask an operator of the gateway to put the file there, and set its address with `fairlead registry:uri file:///…`.',
      }),
    )
  }
  writeFileSync(join(mine, 'docker.tar.gz'), dockerTarGz(configJson(shop, base)))
  await setUri(join(mine, 'docker.tar.gz'))
  const push = await app.push()
  t.is(push.status, 0, push.all)
  t.is(await page(gateway, app.name), 'base\n')
})

test('an https: address is fetched anew at each deploy, from a server whose authority is our own', async t => {
  const { shop } = images
  let served: string | null = configJson({ ...shop, password: 'out of date' })
  const asked: (string | undefined)[] = []
  const server = https.createServer(authority.issue('IP:127.0.0.1'), ({ url, headers }, response) => {
    asked.push(`${url} ${headers.authorization ?? 'without a login'}`)
    response.writeHead(served === null ? 404 : 200).end(served ?? 'nothing of that name')
  })
  server.listen(0, '127.0.0.1')
  t.teardown(() => server.close().closeAllConnections())
  await once(server, 'listening')
  const uri = `https://127.0.0.1:${(server.address() as AddressInfo).port}/config.json`
  const app = await images.pulling('https-uri')
  const said = await images.run(`registry:uri ${uri}?signature=topsecret --app ${app.name}`)

  const old = await app.push()
  t.is(
    headline(old),
    `${shop.host} refuses the login of user robot for the image ${images.image} (registry-login-failed)`,
  )
  served = configJson(shop)
  const push = await app.push()
  t.is(push.status, 0, push.all)
  t.true(
    remoteLines(push).includes(`-----> Pulling ${images.image} as robot (registry:uri ${uri})`),
    push.all,
  )
  served = null
  const gone = await app.push()
  t.deepEqual(
    refusal(gone),
    problemText({
      headline: `The registry credentials at ${uri} could not be fetched (registry-uri-failed)`,
      saw: `${new URL(uri).host} has no such file (404).`,
      runs: 'Release v1 (web), as before.',
      todo: 'Put it there, or correct the address with `fairlead registry:uri https://…`.',
    }),
  )
  t.deepEqual(asked, Array(3).fill('/config.json?signature=topsecret without a login'))
  t.false([said, old.all, push.all, gone.all, images.gateway.log()].join().includes('topsecret'))
})

test('one secret opens the registries to several apps, of those who were granted its path', async t => {
  const { gateway, shop, base } = images
  const [one, two] = await Promise.all([images.pulling('sharing'), images.building('sharing')])
  const dora = await gateway.person('dora', { environment: 'sharing', role: 'deploy' })
  const PATH = 'mesos-docker/pullConfig'
  const config = configJson(shop, base)
  const file = images.file('pullConfig', config)
  await images.fairlead('secrets:create', PATH, '--value-file', file)

  const use = (name: string) => `registry:use --secret ${PATH} --app ${name}`
  const missing = `The secret ${PATH} was not found, or you have no right on its path (secret-not-found)`
  for (const command of [use(one.name), `secrets:delete ${PATH}`, `secrets:create ${PATH} --value-file -`]) {
    const denied = await images.ask(command, { as: dora, stdin: config })
    t.is(denied.status, 1)
    t.is(headline(denied), missing)
  }
  t.is(await images.run('secrets:list', { as: dora }), 'No secret that you may use.\n')

  await images.run('secrets:grant mesos-docker dora')
  for (const { name } of [one, two]) await images.run(use(name), { as: dora })
  const [pull, build] = await Promise.all([one.push(), two.push()])
  t.is(pull.status, 0, pull.all)
  t.true(remoteLines(pull).includes(`-----> Pulling ${images.image} as robot (secret ${PATH})`), pull.all)
  t.is(build.status, 0, build.all)
  t.is(await page(gateway, two.name), 'base\n')

  const kept = await images.ask(`secrets:delete ${PATH}`, { as: dora })
  t.is(kept.status, 1)
  t.is(headline(kept), `The secret ${PATH} is used by 2 apps and was not deleted (usage)`)
  t.true(kept.all.includes(`${one.name}, ${two.name}`), kept.all)
  for (const { name } of [one, two]) {
    await images.run(`registry:use --remove --app ${name}`, { as: dora })
  }
  t.is(await images.run(`secrets:delete ${PATH}`, { as: dora }), `Secret ${PATH} deleted.\n`)
  t.regex(headline(await one.push()), /\(registry-login-required\)$/)
})
