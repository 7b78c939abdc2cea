// A secret that an app uses, as a source of credentials.
import test from 'ava'
import type { Keychain } from '../../../../src/domain/keychain.ts'
import { Secret } from '../../../../src/domain/secret.ts'
import { caughtProblem } from '../../../support/caught-problem.ts'
import { deployGround } from '../../../support/deploy-ground.ts'

const PATH = 'team/pullConfig'
const FILE = JSON.stringify({ auths: { 'quay.io': { auth: btoa('robot:hunter22') } } })

const read = async ({ sources }: Keychain) =>
  sources.find(({ name }) => name === `secret ${PATH}`)?.read('quay.io')

test('a secret whose use was ended, and which was deleted, while a deploy was to use it, is told so', async t => {
  const { ground, app } = await deployGround(t)
  const { secrets } = ground.store
  secrets.put(PATH, new Secret(FILE), 'ann')
  secrets.use(app.id, PATH, 'ann')
  const keychain = ground.keychain({
    app,
    config: new Map(),
    commit: null,
    signal: new AbortController().signal,
    generate: async () => '{}',
  })
  t.is((await read(keychain))?.[0]?.username, 'robot')

  secrets.unuse(app.id)
  secrets.remove(PATH)
  t.deepEqual(await caughtProblem(read(keychain)), {
    code: 'secret-not-found',
    headline: 'The secret team/pullConfig was deleted while this deploy was to use it',
    saw: undefined,
    hint: 'Push again: what the app uses now counts then. `fairlead registry:list` shows it.',
  })
})
