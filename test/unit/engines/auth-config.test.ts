import test from 'ava'
import { authConfig } from '../../../src/engines/auth-config.ts'
import { registryConfig } from '../../../src/engines/build/classic.ts'
import { credential } from '../../support/build-fixtures.ts'

const password = credential('docker.io', 'me', 'ÿ>>>???')
const token = credential('127.0.0.1:5000', '<token>', 'refresh')

test('a password goes with its user, an identity token alone', t => {
  t.deepEqual(authConfig(password), {
    username: 'me',
    password: 'ÿ>>>???',
    serveraddress: 'https://index.docker.io/v1/',
  })
  t.deepEqual(authConfig(token), { identitytoken: 'refresh', serveraddress: '127.0.0.1:5000' })
})

test('the header of a classic build has both kinds by host, in base64url with padding, Docker Hub under its login key', t => {
  const header = registryConfig(new Map([password, token].map(auth => [auth.host, auth])))
  t.regex(header, /^[A-Za-z0-9_-]+=*$/)
  t.regex(header, /[_-]/)
  t.is(header.length % 4, 0)
  t.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), {
    'https://index.docker.io/v1/': authConfig(password),
    '127.0.0.1:5000': authConfig(token),
  })
})
