import { inspect } from 'node:util'
import { Decrypter, Encrypter } from 'age-encryption'
import test from 'ava'
import { RECIPIENT } from '../../../src/domain/encrypted-dockercfg.ts'
import { makeKeyPair } from '../../../src/registry/age-key.ts'

test('what is encrypted for the public half is read with the private half, which does not show itself', async t => {
  const [pair, other] = [await makeKeyPair(), await makeKeyPair()]
  t.regex(pair.recipient, RECIPIENT)
  t.not(pair.recipient, other.recipient)
  t.false(inspect(pair).includes('AGE-SECRET-KEY'))

  const encrypter = new Encrypter()
  encrypter.addRecipient(pair.recipient)
  const decrypter = new Decrypter()
  decrypter.addIdentity(pair.identity.reveal())
  t.is(await decrypter.decrypt(await encrypter.encrypt('hello'), 'text'), 'hello')
})
