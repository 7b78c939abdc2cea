// What people run when a pull fails: every source in its order, what it would offer, and what the registry answers.
// The same order is seen in the push that the sources are for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { configJson, headline, type PrivateImages, startPrivateImages } from '../support/private-images.ts'
import { remoteLines } from '../support/pushed.ts'
import { found, spellings } from '../support/spellings.ts'

const directory = mkdtempSync(join(tmpdir(), 'fairlead-explain-'))
let images: PrivateImages

test.before(async () => {
  images = await startPrivateImages({ FAIRLEAD_REGISTRY_FILES: directory })
})
test.after.always(async () => {
  await images?.dispose()
  rmSync(directory, { recursive: true, force: true })
})

/** One for each source: none but the last is right. */
const WRONG = ['variables', 'encrypted', 'app', 'environment', 'stack', 'uri', 'secret'] as const
const passwordOf = (source: (typeof WRONG)[number]) => `not>>>the one??? (${source})`

function keepsPasswords(t: ExecutionContext, text: string): void {
  for (const password of [...WRONG.map(passwordOf), images.shop.password, images.base.password]) {
    t.deepEqual(found(text, spellings(password, 'robot')), [])
  }
}

const UP_TO_DATE = /^digest sha256:[0-9a-f]{64}$/

test('every source is explained in the order in which a push offers it, with what the registry says to each', async t => {
  const { shop, base, gateway, image } = images
  const app = await images.pulling('all')
  const to = `--app ${app.name}`
  const config = (source: (typeof WRONG)[number]) => configJson({ ...shop, password: passwordOf(source) })
  const file = join(directory, 'config.json')
  const variables = ['HOST', shop.host, 'USERNAME', 'robot', 'PASSWORD', passwordOf('variables')]
  const pairs = [0, 2, 4].map(i => `APTIBLE_PRIVATE_REGISTRY_${variables[i]}=${variables[i + 1]}`)
  await images.fairlead('config:set', '--app', app.name, ...pairs)
  const encrypted = await images.fairlead(
    'registry:encrypt',
    images.file('encrypted.json', config('encrypted')),
    '--app',
    app.name,
  )
  for (const [source, option] of [
    ['app', to],
    ['environment', '--environment all'],
    ['stack', '--stack local'],
  ] as const) {
    await images.run(`registry:import - ${option}`, { stdin: config(source) })
  }
  await images.run(`registry:login ${shop.host}/other --username robot --password-stdin --no-check ${to}`, {
    stdin: passwordOf('app'),
  })
  writeFileSync(file, config('uri'))
  await images.run(`registry:uri file://${file} ${to}`)
  await images.run('secrets:create acme/pullConfig --value-file -', { stdin: config('secret') })
  await images.run(`registry:use --secret acme/pullConfig ${to}`)
  await base.push('acme/generator', 'v1', {
    entrypoint: ['/bin/sh', '/generate'],
    files: { '/generate': '#!/bin/sh\nprintf %s "$CONFIG" > "$1"\n' },
  })
  await images.login(base, '--environment all')
  const generator = `registry:generator gen --image ${base.host}/acme/generator:v1 --env-file - ${to}`
  await images.run(generator, { stdin: `CONFIG='${configJson(shop).replaceAll(/\s/g, '')}'\n` })

  const names = [
    'APTIBLE_PRIVATE_REGISTRY_*',
    'dockercfg.encrypted',
    `registry:login for the app ${app.name}`,
    'registry:login for the environment all',
    'registry:login for the stack local',
    `registry:uri file://${file}`,
    'secret acme/pullConfig',
    'generator gen',
  ]
  const push = await app.push({ 'dockercfg.encrypted': encrypted })
  t.is(push.status, 0, push.all)
  keepsPasswords(t, push.all)
  t.deepEqual(
    remoteLines(push).filter(line => /as robot/.test(line)),
    [
      `-----> Pulling ${image} as robot`,
      ...names.slice(1).map(name => `       refused; trying as robot (${name})`),
    ],
  )

  const refused = (name: string) =>
    `  as user robot (${name}): ${shop.host} refuses the login of user robot for the image ${image} (registry-login-failed)`
  const offers = names.map((name, i) => `  ${i + 1}. ${name}: user robot at ${shop.host} (offer ${i + 1})`)
  offers[2] += `, user robot at ${shop.host}/other (not for this image)`
  const head = [
    `${image}, for ${app.name} on the stack local`,
    `Credentials for ${shop.host}, in the order in which they are offered:`,
  ]
  // Without an image: about the one that is configured.
  const good = await gateway.fairlead(['registry:explain', '--app', app.name])
  t.is(good.status, 0, good.all)
  keepsPasswords(t, good.all)
  // What the generator does comes before what it gave.
  const [first, ...rest] = good.stdout.trimEnd().split('\n')
  t.is(first, head[0])
  t.true(rest.includes('-----> Running the generator gen'), good.all)
  const lines = rest.slice(rest.indexOf(head[1] ?? ''))
  t.regex(lines.pop() ?? '', UP_TO_DATE)
  t.deepEqual(lines, [
    head[1],
    ...offers,
    `Answers of ${shop.host}:`,
    ...names.slice(0, -1).map(refused),
    '  as user robot (generator gen): accepted',
  ])

  await images.run(`registry:generator gen --remove ${to}`)
  const bad = await images.ask(`registry:explain ${image} ${to}`)
  t.is(bad.status, 1)
  keepsPasswords(t, bad.all)
  t.deepEqual(bad.stdout.trimEnd().split('\n'), [
    ...head,
    ...offers.slice(0, -1),
    '  8. registry:generator: not set',
    `Answers of ${shop.host}:`,
    ...names.slice(0, -1).map(refused),
  ])
  t.regex(headline(bad), /refuses the login of user robot .*\(registry-login-failed\)$/)
  for (const name of names.slice(0, -1))
    t.true(bad.stderr.includes(`robot, from ${name}: It answered 401`), name)

  rmSync(file)
  const broken = await images.ask(`registry:explain ${to}`)
  t.is(broken.status, 1)
  const told = broken.stdout.split('\n')
  t.true(
    told.includes(
      `  6. ${names[5]}: cannot be read, and a deploy that comes to it ends: The registry credentials at file://${file} could not be fetched (registry-uri-failed)`,
    ),
    broken.all,
  )
  t.true(told.includes(`  7. ${names[6]}: user robot at ${shop.host} (not reached)`), broken.all)
  t.deepEqual(told.slice(told.indexOf(`Answers of ${shop.host}:`) + 1, -1), names.slice(0, 5).map(refused))
  t.regex(headline(broken), /could not be fetched \(registry-uri-failed\)$/)
})

test('an app without credentials is told what the registry says to nobody, of any image that it names', async t => {
  const { gateway, base } = images
  const app = await images.building('bare')
  const explain = (name: string) => images.ask(`registry:explain ${name} --app ${app.name}`)
  const image = `${base.host}/acme/base:v1`
  const nobody = await explain(image)
  t.is(nobody.status, 1)
  t.regex(
    nobody.stdout,
    new RegExp(`^  3\\. registry:login for the app bare/.*: nothing for ${base.host}$`, 'm'),
  )
  t.true(
    nobody.stdout.includes(
      `  as nobody: ${base.host} wants a login before it shows the image ${image} (registry-login-required)\n`,
    ),
  )
  t.regex(headline(nobody), /\(registry-login-required\)$/)

  await images.login(base, `--app ${app.name}`)
  const right = await explain(image)
  t.is(right.status, 0, right.all)
  t.true(
    right.stdout.includes(`  as user builder (registry:login for the app ${app.name}): accepted\n`),
    right.all,
  )
  const tag = await explain(`${base.host}/acme/base:v9`)
  t.is(tag.status, 1)
  t.regex(headline(tag), /\(tag-not-found\)$/)
  const missing = await explain('')
  t.is(missing.status, 1)
  t.regex(missing.all, /It needs an IMAGE, since APTIBLE_DOCKER_IMAGE is not set for the app\./)

  const observer = await gateway.person('observer', { environment: 'bare', role: 'observe' })
  const denied = await images.ask(`registry:explain ${image} --app ${app.name}`, { as: observer })
  t.is(denied.status, 1)
  t.regex(headline(denied), /\(forbidden\)$/)
  t.false(denied.all.includes('builder'))
  keepsPasswords(t, [nobody, right, tag, denied].map(({ all }) => all).join())
})
