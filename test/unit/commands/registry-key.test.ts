// registry:key, registry:rotate-key, registry:decrypt and registry:encrypt, with real keys of age.
import { execFileSync } from 'node:child_process'
import { armor, Encrypter } from 'age-encryption'
import test from 'ava'
import { refused, registryBench, said } from './registry-bench.ts'

const APP = ['--app', 'my-env/my-app']
const JSON_TEXT = '{"auths":{}}'

async function encryptFor(recipient: string): Promise<string> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return armor.encode(await encrypter.encrypt(JSON_TEXT))
}

test('the key is made when it is first asked for, is the same from then on, and is all that is printed', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const [first, beside] = await Promise.all([
    run(ann, ['registry:key', ...APP]),
    run(ann, ['registry:key', ...APP]),
  ])
  t.regex(first.out, /^age1[a-z0-9]{58}\n$/)
  t.deepEqual(beside, first)
  t.deepEqual(await run(ann, ['registry:key', ...APP]), said(first.out))
  t.deepEqual(store.registryKeys.of(app.id).retired, [])
  t.regex((await run(member('bea', 'observe'), ['registry:key', ...APP])).err, /it needs the role deploy/)
})

test('a new key is made only when the handle was typed, and what it costs is said', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const { out: before } = await run(ann, ['registry:key', ...APP])
  const warning =
    'This deletes the key of my-env/my-app: no dockercfg.encrypted that was encrypted for it can be read any more.\nType its handle to go on: '
  for (const [words, input, answer, asked] of [
    [[], 'no\n', 'The answer "no".', warning],
    [[], '', 'No answer.', warning],
    [['--confirm', 'other'], '', 'The answer "other".', ''],
  ] as const) {
    t.deepEqual(await run(ann, ['registry:rotate-key', ...words, ...APP], input), {
      ...refused(
        `${asked} !     The key of my-env/my-app was not replaced (not-confirmed)`,
        `       What we saw:   ${answer}`,
        '       What runs now: Everything, as before.',
        "       What to do:    Type the app's handle, my-app, or add --confirm my-app.",
      ),
    })
  }
  t.is(`${store.registryKeys.of(app.id).current?.recipient}\n`, before)

  const rotated = await run(ann, ['registry:rotate-key', ...APP], 'my-app\n')
  const { current, retired } = store.registryKeys.of(app.id)
  t.not(`${current?.recipient}\n`, before)
  t.deepEqual(
    retired.map(each => `${each.recipient}\n`),
    [before],
  )
  t.deepEqual(rotated, {
    status: 0,
    out: `my-env/my-app has a new key: ${current?.recipient}\nNo dockercfg.encrypted from before can be read any more, and a push that holds one fails when it is needed.\nEncrypt it anew with \`fairlead registry:encrypt FILE > dockercfg.encrypted\`, commit and push.\n`,
    err: warning,
  })
})

test('the first key needs no confirmation, since nothing is lost', async t => {
  const { run, member, store, app } = await registryBench(t)
  const { out, status } = await run(member('ann', 'deploy'), ['registry:rotate-key', ...APP])
  t.is(status, 0)
  t.is(out, `my-env/my-app has a new key: ${store.registryKeys.of(app.id).current?.recipient}\n`)
})

test('who loses the right at the prompt replaces no key', async t => {
  const { run, member, store, app, gateway } = await registryBench(t)
  const ann = member('ann', 'deploy')
  await run(ann, ['registry:key', ...APP])
  const before = store.registryKeys.of(app.id).current?.recipient
  const { makeKeyPair } = gateway.credentialFiles
  const lose = async () => {
    ann.lose()
    return makeKeyPair()
  }
  Object.assign(gateway.credentialFiles, { makeKeyPair: lose })
  const heard = await run(ann, ['registry:rotate-key', '--confirm', 'my-app', ...APP])
  t.regex(heard.err, /\(app-not-found\)/)
  t.is(store.registryKeys.of(app.id).current?.recipient, before)
})

test('what was encrypted for the app is decrypted from standard input, or from what is deployed', async t => {
  const { run, member, commit, ground, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const { out: recipient } = await run(ann, ['registry:key', ...APP])
  const file = await encryptFor(recipient.trim())
  t.deepEqual(await run(ann, ['registry:decrypt', '-', ...APP], file), said(`${JSON_TEXT}\n`))

  t.deepEqual(
    await run(ann, ['registry:decrypt', ...APP]),
    refused(
      ' !     There is no dockercfg.encrypted to decrypt (not-found)',
      '       What we saw:   Nothing was pushed to my-env/my-app yet.',
      '       What to do:    Make one with `fairlead registry:encrypt FILE > dockercfg.encrypted`, or decrypt a file of yours with `fairlead registry:decrypt FILE`.',
    ),
  )
  const point = (id: string) =>
    execFileSync('git', [
      '--git-dir',
      ground.repositories.path(app.name),
      'update-ref',
      'refs/heads/main',
      id,
    ])
  const without = await commit({ Procfile: 'web: x\n' })
  point(without)
  t.regex(
    (await run(ann, ['registry:decrypt', ...APP])).err,
    new RegExp(`The commit ${without.slice(0, 12)} of my-env/my-app has none at its root\\.`),
  )
  point(await commit({ 'dockercfg.encrypted': file }))
  t.deepEqual(await run(ann, ['registry:decrypt', ...APP]), said(`${JSON_TEXT}\n`))
  point(await commit({ 'dockercfg.encrypted': 'x'.repeat(1024 * 1024 + 1) }))
  t.deepEqual(
    await run(ann, ['registry:decrypt', ...APP]),
    refused(
      ' !     dockercfg.encrypted is too large to be a file of credentials (dockercfg-invalid)',
      '       What we saw:   1048577 bytes; at most 1048576 are read.',
      '       What to do:    Check what was committed as dockercfg.encrypted; `fairlead registry:encrypt FILE > dockercfg.encrypted` makes it anew.',
    ),
  )
  t.regex(
    (await run(ann, ['registry:decrypt', 'x', ...APP])).err,
    /Only the CLI can read a file of yours\. Over plain ssh, write `registry:decrypt - < FILE`\./,
  )
  const observer = member('bea', 'observe')
  t.regex((await run(observer, ['registry:decrypt', '-', ...APP], file)).err, /it needs the role deploy/)
})

test('after a rotation what was encrypted before cannot be read', async t => {
  const { run, member } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const { out: recipient } = await run(ann, ['registry:key', ...APP])
  const file = await encryptFor(recipient.trim())
  await run(ann, ['registry:rotate-key', '--confirm', 'my-app', ...APP])
  const heard = await run(ann, ['registry:decrypt', '-', ...APP], file)
  t.is(heard.out, '')
  t.regex(heard.err, /\(dockercfg-locked\)/)
})

test('the gateway encrypts nothing, and says what does', async t => {
  const { run, member } = await registryBench(t)
  t.deepEqual(
    await run(member('ann', 'deploy'), ['registry:encrypt', 'config.json', ...APP]),
    refused(
      ' !     Files are encrypted on your machine, so that what is in them is sent nowhere (usage)',
      '       What we saw:   This command was sent to the gateway.',
      '       What to do:    Use the companion CLI: `fairlead registry:encrypt FILE > dockercfg.encrypted`. Or use age itself: `age -a -r KEY FILE > dockercfg.encrypted` with the KEY that `registry:key` prints.',
    ),
  )
})

test('the help of registry:encrypt names the words that it takes, and no others', async t => {
  const { run, member } = await registryBench(t)
  const { out } = await run(member('ann', 'deploy'), ['help', 'registry:encrypt'])
  t.regex(out, /^fairlead registry:encrypt FILE > dockercfg\.encrypted\n/)
  t.deepEqual(out.match(/--[a-z]+/g), ['--key', '--app', '--environment', '--help'])
})
