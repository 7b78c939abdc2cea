import test from 'ava'
import { explain, loginOf, mendLogin, storeLogin, userOf } from '../../../src/engines/registry-hints.ts'
import { credential } from '../../support/build-fixtures.ts'

const password = credential('quay.io', 'robot', 's3cret')
const token = credential('quay.io', '<token>', 's3cret')

test("only the app's own variables are corrected with config:set", t => {
  t.is(
    mendLogin(password),
    'Correct it with `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`.',
  )
  for (const source of ['dockercfg.encrypted', 'the environment my-env', 'generator ecr']) {
    t.is(
      mendLogin({ ...password, source }),
      `Mend the login at its source (${source}), or store another with \`fairlead registry:login quay.io --username USER --password-stdin\`.`,
    )
  }
})

test('an identity token is called that, not a user of a strange name', t => {
  t.deepEqual([loginOf(password), userOf(password)], ['the login of robot', 'robot'])
  t.deepEqual([loginOf(token), userOf(token)], ['the identity token', 'the holder of the identity token'])
})

test('the commands to run are spelled out', t => {
  const login = (host: string) =>
    `Store a login with \`fairlead registry:login ${host} --username USER --password-stdin\`.`
  t.is(storeLogin('quay.io'), login('quay.io'))
  t.is(storeLogin(null), login('HOST'))
  const reference = { host: 'quay.io', repository: 'acme/shop', tag: 'v1', digest: null }
  const words = 'shows which credential was offered to whom.'
  t.is(explain(reference), `\`fairlead registry:explain quay.io/acme/shop:v1\` ${words}`)
  t.is(explain('acme/base'), `\`fairlead registry:explain acme/base\` ${words}`)
  for (const unknown of [`\${HOST}/acme/base:1`, 'x;reboot', '`reboot`']) {
    t.is(explain(unknown), `\`fairlead registry:explain IMAGE\` ${words}`)
  }
})
