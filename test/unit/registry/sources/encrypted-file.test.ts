import { inspect } from 'node:util'
import { armor, Encrypter } from 'age-encryption'
import test from 'ava'
import fc from 'fast-check'
import { parseAppPath } from '../../../../src/domain/app.ts'
import { writeEncryptedDockercfg } from '../../../../src/domain/encrypted-dockercfg.ts'
import { Problem } from '../../../../src/domain/problem.ts'
import { Secret } from '../../../../src/domain/secret.ts'
import { TooLarge } from '../../../../src/domain/too-large.ts'
import { type KeyPair, makeKeyPair } from '../../../../src/registry/age-key.ts'
import {
  type AppKeys,
  decryptDockercfg,
  encryptedFileSource,
} from '../../../../src/registry/sources/encrypted-file.ts'
import { caughtProblem } from '../../../support/caught-problem.ts'

const APP = 'my-env/my-app'
const PASSWORD = 'hunter2-s3cret'
const auth = Buffer.from(`bob:${PASSWORD}`).toString('base64')
const CONFIG = JSON.stringify({ auths: { 'quay.io': { auth }, 'ghcr.io': { auth } } })
const AGAIN =
  'Encrypt the original again with `fairlead registry:encrypt FILE > dockercfg.encrypted`, commit it and push.'

const ours = await makeKeyPair()
const theirs = await makeKeyPair()
const keysOf = (current: KeyPair | null, retired: AppKeys['retired'] = []): AppKeys => ({ current, retired })

async function binary(recipient: string, plain: string | Uint8Array = CONFIG): Promise<Buffer> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return Buffer.from(await encrypter.encrypt(plain))
}
const armoured = async (recipient: string) => armor.encode(await binary(recipient))

/** As the CLI writes it. */
async function written(recipient: string, app = APP): Promise<Buffer> {
  return Buffer.from(writeEncryptedDockercfg(parseAppPath(app), recipient, await armoured(recipient)))
}

const refusal = (bytes: Buffer, keys = keysOf(ours)) => caughtProblem(decryptDockercfg(bytes, keys, APP))

/** A commit with that file, or none. */
function commitWith(bytes: Buffer | null) {
  const reads: string[] = []
  return {
    reads,
    read: async (path: string) => {
      reads.push(path)
      return bytes
    },
  }
}

test('what the CLI writes is read, and so is what age writes alone', async t => {
  const crlf = Buffer.from((await written(ours.recipient)).toString().replaceAll('\n', '\r\n'))
  for (const bytes of [
    await written(ours.recipient),
    crlf,
    Buffer.from(await armoured(ours.recipient)),
    await binary(ours.recipient),
  ]) {
    t.is(await decryptDockercfg(bytes, keysOf(ours), APP), CONFIG)
  }
})

test('a file of many chunks is read', async t => {
  const long = `{"x":"${'y'.repeat(300_000)}"}`
  t.is(await decryptDockercfg(await binary(ours.recipient, long), keysOf(ours), APP), long)
})

test('no key yet', async t => {
  t.deepEqual(await refusal(await written(ours.recipient), keysOf(null)), {
    code: 'dockercfg-locked',
    headline: 'my-env/my-app has no key yet, so nothing can be read with it',
    saw: undefined,
    hint: '`fairlead registry:encrypt FILE > dockercfg.encrypted` makes the key and encrypts for it. Commit the file and push.',
  })
})

test('the key of another app', async t => {
  t.deepEqual(await refusal(await written(theirs.recipient, 'my-env/other')), {
    code: 'dockercfg-locked',
    headline: 'dockercfg.encrypted was made for another app, my-env/other',
    saw: `It was made for ${theirs.recipient}. The key of my-env/my-app is ${ours.recipient}.`,
    hint: 'Run `fairlead registry:encrypt FILE > dockercfg.encrypted` in the checkout of my-env/my-app, commit the file and push.',
  })
})

test('a key that was replaced, and when', async t => {
  const retired = [{ recipient: theirs.recipient, retiredAt: '2026-11-20T10:00:00.000Z' }]
  t.deepEqual(await refusal(await written(theirs.recipient), keysOf(ours, retired)), {
    code: 'dockercfg-locked',
    headline:
      'dockercfg.encrypted was made for a key of my-env/my-app that `fairlead registry:rotate-key` has replaced',
    saw: `It was made for ${theirs.recipient}, which was replaced at 2026-11-20T10:00:00.000Z. The key of my-env/my-app is ${ours.recipient}.`,
    hint: AGAIN,
  })
})

test('a key that the app never had', async t => {
  t.deepEqual(await refusal(await written(theirs.recipient)), {
    code: 'dockercfg-locked',
    headline: 'dockercfg.encrypted is not encrypted for the key of my-env/my-app',
    saw: `It was made for ${theirs.recipient}, which never was a key of my-env/my-app. The key of my-env/my-app is ${ours.recipient}. An app that is destroyed and created again has a new key.`,
    hint: AGAIN,
  })
})

test('a wrong key, where the file does not say which: both possibilities', async t => {
  const expected = {
    code: 'dockercfg-locked',
    headline: 'dockercfg.encrypted is not encrypted for the key of my-env/my-app',
    saw: `The key of my-env/my-app is ${ours.recipient}. The file was made for another app, or before \`fairlead registry:rotate-key\` replaced the key.`,
    hint: AGAIN,
  }
  t.deepEqual(await refusal(await binary(theirs.recipient)), expected)
  t.deepEqual(await refusal(Buffer.from(await armoured(theirs.recipient))), expected)
})

const DAMAGED = {
  code: 'dockercfg-locked',
  headline: 'dockercfg.encrypted is cut off or damaged',
  hint: AGAIN,
}

test('a truncated file is told from a wrong key, wherever it is cut', async t => {
  const whole = await binary(ours.recipient)
  for (let end = 22; end < whole.length; end += 1) {
    t.is((await refusal(whole.subarray(0, end))).headline, DAMAGED.headline, `after ${end}`)
  }
  t.deepEqual(await refusal(whole.subarray(0, 100)), {
    ...DAMAGED,
    saw: 'Its header does not end within its 100 bytes.',
  })
  t.deepEqual(await refusal(whole.subarray(0, whole.length - 1)), {
    ...DAMAGED,
    saw: `Its ${whole.length - 1} bytes are not what was encrypted: some are missing, or were changed.`,
  })
  const text = await written(ours.recipient)
  t.deepEqual(await refusal(text.subarray(0, 400)), {
    ...DAMAGED,
    saw: 'It ends after 400 bytes, before the line -----END AGE ENCRYPTED FILE-----.',
  })
  const lines = text.toString().split('\n')
  t.is((await refusal(Buffer.from(lines.toSpliced(4, 1).join('\n')))).headline, DAMAGED.headline)
  lines[3] = `!${lines[3]?.slice(1)}`
  t.deepEqual(await refusal(Buffer.from(lines.join('\n'))), {
    ...DAMAGED,
    saw: 'A line of its armour is missing, or was changed.',
  })
})

test('a file for our key whose header is damaged is not taken for a file for another key', async t => {
  const whole = (await binary(ours.recipient)).toString('latin1')
  const place = whole.indexOf('\n', whole.indexOf('-> X25519')) + 3
  const changed = `${whole.slice(0, place)}${whole.charAt(place) === 'A' ? 'B' : 'A'}${whole.slice(place + 1)}`
  const armour = armor.encode(Buffer.from(changed, 'latin1'))
  const bytes = Buffer.from(writeEncryptedDockercfg(parseAppPath(APP), ours.recipient, armour))
  t.is((await refusal(bytes)).headline, DAMAGED.headline)
})

test('whichever byte is changed behind the first line, it is refused, and no secret is shown', async t => {
  const whole = await written(ours.recipient)
  const firstLine = whole.indexOf('\n') + 1
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: firstLine, max: whole.length - 2 }),
      fc.constantFrom('A', 'B', '!', '\0', '\n', 'é'),
      async (at, char) => {
        const byte = Buffer.from(char, 'latin1')
        if (byte[0] === whole[at]) return
        const bytes = Buffer.concat([whole.subarray(0, at), byte, whole.subarray(at + 1)])
        const error: unknown = await decryptDockercfg(bytes, keysOf(ours), APP).catch(each => each)
        // The last bits of base64 may mean nothing: then it is the same file.
        if (error === CONFIG) return
        if (!(error instanceof Problem)) throw error
        t.is(error.code, 'dockercfg-locked')
        t.is(error.cause, undefined)
        t.notRegex(inspect(error), /AGE-SECRET-KEY|hunter2/)
      },
    ),
  )
})

test('a file made with jet, one that is not encrypted, an empty one and any other are told apart', async t => {
  const jet =
    "dockercfg.encrypted was made by Codeship's jet, with an AES key that this gateway does not have"
  const base64 = Buffer.alloc(147, 5).toString('base64')
  t.deepEqual(await refusal(Buffer.from(`codeship:v2\n${base64}\n`)), {
    code: 'dockercfg-locked',
    headline: jet,
    saw: undefined,
    hint: 'Decrypt it with `jet decrypt dockercfg.encrypted FILE`, then run `fairlead registry:encrypt FILE > dockercfg.encrypted` and commit the result.',
  })
  t.is((await refusal(Buffer.from(base64), keysOf(null))).headline, jet)
  t.deepEqual(await refusal(Buffer.from(CONFIG)), {
    code: 'dockercfg-locked',
    headline:
      'dockercfg.encrypted is not encrypted: its logins stand in the repository for everybody to read',
    saw: undefined,
    hint: 'Change the passwords in it at their registries, then run `fairlead registry:encrypt FILE > dockercfg.encrypted` with the new ones and commit the result.',
  })
  t.is((await refusal(Buffer.alloc(0))).headline, 'dockercfg.encrypted is empty')
  t.deepEqual(await refusal(Buffer.from('hello\n')), {
    code: 'dockercfg-locked',
    headline: 'dockercfg.encrypted is no age file',
    saw: 'It begins neither as armour (-----BEGIN AGE ENCRYPTED FILE-----) nor with age-encryption.org/v1.',
    hint: AGAIN,
  })
})

test('a passphrase is not tried, whatever it would cost', async t => {
  const header = `age-encryption.org/v1\n-> scrypt ${'A'.repeat(22)} 30\n${'A'.repeat(43)}\n--- ${'A'.repeat(43)}\n`
  t.is(
    (await refusal(Buffer.from(header + 'x'.repeat(64)))).headline,
    'dockercfg.encrypted is encrypted with a passphrase, not for the key of an app',
  )
})

test('a header with very many keys, or without an end, is not worked through', async t => {
  const stanza = `-> X25519 ${'A'.repeat(43)}\n${'A'.repeat(43)}\n`
  const file = (count: number) =>
    Buffer.from(`age-encryption.org/v1\n${stanza.repeat(count)}--- ${'A'.repeat(43)}\n${'x'.repeat(64)}`)
  t.is(
    (await refusal(file(33))).headline,
    'dockercfg.encrypted is encrypted for 33 keys, and at most 32 are looked at',
  )
  t.deepEqual(await refusal(file(9000)), { ...DAMAGED, saw: 'Its header has more than 16384 bytes.' })
})

test('a stored key that is damaged is a fault of ours, and not repeated', async t => {
  const identity = new Secret(ours.identity.reveal().replace(/.$/, last => (last === 'Q' ? 'P' : 'Q')))
  const damagedPair = { recipient: ours.recipient, identity }
  const error = await t.throwsAsync(decryptDockercfg(await binary(ours.recipient), keysOf(damagedPair), APP))
  t.is(error.message, 'the stored private key of my-env/my-app is no age identity')
  t.notRegex(inspect(error), /AGE-SECRET-KEY/)
})

test('among several recipients ours is found', async t => {
  const encrypter = new Encrypter()
  encrypter.addRecipient(theirs.recipient)
  encrypter.addRecipient(ours.recipient)
  const bytes = Buffer.from(await encrypter.encrypt(CONFIG))
  t.is(await decryptDockercfg(bytes, keysOf(ours), APP), CONFIG)
})

test('what is no text inside is refused', async t => {
  const bytes = await binary(ours.recipient, new Uint8Array([0x7b, 0xff]))
  const { code, headline } = await refusal(bytes)
  t.deepEqual([code, headline], ['dockercfg-invalid', 'dockercfg.encrypted is not UTF-8 text'])
})

test('the source reads the file once, at the first question, and answers for a host', async t => {
  const commit = commitWith(await written(ours.recipient))
  const source = encryptedFileSource(commit, () => keysOf(ours), APP)
  t.deepEqual([source.name, source.isSet, commit.reads], ['dockercfg.encrypted', true, []])
  const [first, second] = await Promise.all([source.read('quay.io'), source.read('ghcr.io')])
  t.deepEqual(
    [...first, ...second].map(each => [each.host, each.username, each.password.reveal(), each.source]),
    ['quay.io', 'ghcr.io'].map(host => [host, 'bob', PASSWORD, 'dockercfg.encrypted']),
  )
  t.deepEqual(await source.read('gcr.io'), [])
  t.deepEqual(commit.reads, ['dockercfg.encrypted'])
})

test('no commit and no file are no credential, and ask for no key', async t => {
  const noKeys = () => {
    throw new Error('asked for keys')
  }
  const none = encryptedFileSource(null, noKeys, APP)
  t.false(none.isSet)
  t.deepEqual(await none.read('quay.io'), [])
  t.deepEqual(await encryptedFileSource(commitWith(null), noKeys, APP).read('quay.io'), [])
})

test('a JSON error inside is said with its place', async t => {
  const bytes = await binary(ours.recipient, `{"auths": {"quay.io": {"auth": "${PASSWORD}}}}`)
  const source = encryptedFileSource(commitWith(bytes), () => keysOf(ours), APP)
  const problem = await caughtProblem(source.read('quay.io'))
  t.is(problem.code, 'dockercfg-invalid')
  t.is(problem.headline, 'Failed to parse dockercfg: dockercfg.encrypted, line 1, column 32')
})

test('a file that is too large is a Problem, and any other fault of reading stays what it is', async t => {
  const failing = (error: Error) =>
    encryptedFileSource({ read: () => Promise.reject(error) }, () => keysOf(ours), APP).read('quay.io')
  t.deepEqual(await caughtProblem(failing(new TooLarge('dockercfg.encrypted', 2_000_000, 1_048_576))), {
    code: 'dockercfg-locked',
    headline: 'dockercfg.encrypted is too large',
    saw: '2000000 bytes, and at most 1048576 are read.',
    hint: `Leave only the registries in the original that are needed. ${AGAIN}`,
  })
  await t.throwsAsync(failing(new Error('git is gone')), { message: 'git is gone' })
})
