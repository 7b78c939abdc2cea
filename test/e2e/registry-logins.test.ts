// Logins that the gateway keeps, for an app, an environment and a stack: who may store them, and which pulls they open.
import test from 'ava'
import { page } from '../support/page.ts'
import { headline, type PrivateImages, startPrivateImages } from '../support/private-images.ts'
import { refusal, remoteLines } from '../support/pushed.ts'
import { found, spellings } from '../support/spellings.ts'

let images: PrivateImages

test.before(async () => {
  images = await startPrivateImages()
})
test.after.always(() => images?.dispose())

const LOGIN_REQUIRED = /wants a login before it shows the image .* \(registry-login-required\)$/
const pulls = (source: string) => `-----> Pulling ${images.image} as robot (${source})`

test('a login for the app opens its registry until it is logged out, and a wrong one is not stored', async t => {
  const { gateway, shop, image } = images
  const app = await images.pulling()
  const to = `--app ${app.name}`
  const command = `registry:login ${shop.host} --username robot --password-stdin ${to}`
  const wrong = await images.ask(command, { stdin: 'wrong password\n' })
  t.is(wrong.status, 1)
  t.is(headline(wrong), `${shop.host} refuses the login of user robot (registry-login-failed)`)
  t.regex(wrong.all, /Nothing was stored\.$/m)
  t.false(wrong.all.includes('wrong password'))
  const source = `registry:login for the app ${app.name}`
  const stored = async () =>
    JSON.parse(await images.run(`registry:list ${to} --json`)).filter(
      (row: { source: string; user: string | null }) => row.source === source && row.user !== null,
    )
  t.deepEqual(await stored(), [])
  const closed = await app.push()
  t.is(closed.status, 1)
  t.regex(headline(closed), LOGIN_REQUIRED)

  const words = command.split(' ')
  const right = await gateway.fairlead(words, { stdin: `${shop.password}\n` })
  t.is(right.all, `Stored for ${app.name}: user robot at ${shop.host} (accepted by the registry).\n`)
  t.like(await stored(), [
    { source: `registry:login for the app ${app.name}`, for: shop.host, user: 'robot' },
  ])
  const push = await app.push()
  t.is(push.status, 0, push.all)
  t.true(remoteLines(push).includes(pulls(source)), push.all)
  t.is(await page(gateway, app.name), 'shop\n')
  t.deepEqual(
    found(push.all + (await images.run(`registry:list ${to}`)), spellings(shop.password, 'robot')),
    [],
  )

  t.is(
    await images.run(`registry:logout ${shop.host} ${to}`),
    `Removed for ${app.name}: user robot at ${shop.host}.\n`,
  )
  t.deepEqual(await stored(), [])
  const out = await app.push()
  t.is(out.status, 1)
  t.regex(headline(out), LOGIN_REQUIRED)
  t.true(
    refusal(out).some(line => line.includes(`\`fairlead registry:explain ${image}\` shows`)),
    out.all,
  )
})

test("a login for an environment is an admin's to store, and opens the registry to its apps alone", async t => {
  const { gateway, shop } = images
  const [inside, outside] = await Promise.all([images.pulling('team'), images.pulling('other-team')])
  const [dora, anna] = await Promise.all([
    gateway.person('dora', { environment: 'team', role: 'deploy' }),
    gateway.person('anna', { environment: 'team', role: 'admin' }),
  ])
  const login = (environment: string) =>
    `registry:login ${shop.host} --username robot --password-stdin --environment ${environment}`
  const stdin = shop.password
  const denied = await images.ask(login('team'), { as: dora, stdin })
  t.is(denied.status, 1)
  t.regex(headline(denied), /it needs the role admin.* \(forbidden\)$/)
  const unseen = await images.ask(login('other-team'), { as: anna, stdin })
  t.is(unseen.status, 1)
  t.regex(headline(unseen), /\(environment-not-found\)$/)
  t.regex(await images.run('registry:list --environment team', { as: anna }), /^None is stored/)

  t.is(
    await images.run(login('team'), { as: anna, stdin }),
    `Stored for the environment team: user robot at ${shop.host} (accepted by the registry).\n`,
  )
  const [push, closed] = await Promise.all([inside.push(), outside.push()])
  t.is(push.status, 0, push.all)
  t.true(remoteLines(push).includes(pulls('registry:login for the environment team')), push.all)
  t.is(closed.status, 1)
  t.regex(headline(closed), LOGIN_REQUIRED)
})

// In the other registry: every app of this file is on that stack.
test("a login for a stack is an operator's to store, and opens the registry to apps of every environment", async t => {
  const { gateway, shop, base } = images
  const app = await images.building('far-away')
  await images.pulling('near')
  const anna = await gateway.person('admin-of-near', { environment: 'near', role: 'admin' })
  const command = `registry:login ${base.host} --username builder --password-stdin --stack local`
  const denied = await images.ask(command, { as: anna, stdin: base.password })
  t.is(denied.status, 1)
  t.regex(headline(denied), /\(forbidden\)$/)
  await images.login(shop, '--environment far-away')
  const closed = await app.push()
  t.is(closed.status, 1)
  t.regex(headline(closed), new RegExp(`^${base.host} ${LOGIN_REQUIRED.source}`))

  await images.login(base, '--stack local')
  const push = await app.push()
  t.is(push.status, 0, push.all)
  t.is(await page(gateway, app.name), 'base\n')

  await images.run(`registry:logout ${base.host} --stack local`)
  const out = await app.push()
  t.is(out.status, 1)
  t.regex(headline(out), LOGIN_REQUIRED)
  t.true(out.all.includes(`\`fairlead registry:explain ${base.host}/acme/base:v1\``), out.all)
})
