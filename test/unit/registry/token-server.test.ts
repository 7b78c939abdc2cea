// The login service of the tests itself: a token grants what its user may do, and no more.
import test from 'ava'
import { startRegistry } from '../../support/registry.ts'
import { startTokenServer } from '../../support/token-server.ts'

const USERS = {
  writer: { password: 'w', identityTokens: ['identity-w'], pull: ['acme/shop'], push: ['acme/shop'] },
  reader: { password: 'r', pull: ['acme/shop'] },
}
const SCOPE = 'repository:acme/shop:pull,push'

test('the real registry lets a token push only where its user may', async t => {
  const tokens = await startTokenServer({ users: USERS })
  t.teardown(() => tokens.stop())
  const registry = await startRegistry({ tokenServer: tokens })
  t.teardown(() => registry.stop())
  const begin = async (user: string, password: string, repository: string) => {
    const query = `service=${tokens.service}&scope=${SCOPE}`
    const headers = { authorization: `Basic ${btoa(`${user}:${password}`)}` }
    const { token } = (await (await fetch(`${tokens.realm}?${query}`, { headers })).json()) as {
      token: string
    }
    const url = `http://${registry.host}/v2/${repository}/blobs/uploads/`
    return (await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status
  }
  t.is(await begin('writer', 'w', 'acme/shop'), 202)
  t.is(await begin('reader', 'r', 'acme/shop'), 401)
  t.is(await begin('writer', 'w', 'acme/other'), 401)
})

test('both ways to ask hand out an identity token, which is good for further tokens', async t => {
  const tokens = await startTokenServer({ users: USERS })
  t.teardown(() => tokens.stop())
  const post = async (form: Record<string, string>) => {
    const body = new URLSearchParams({ client_id: 'test', service: tokens.service, ...form })
    const response = await fetch(tokens.realm, { method: 'POST', body })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const login = { grant_type: 'password', username: 'writer', password: 'w' }
  t.is((await post(login)).body.refresh_token, undefined)
  const { body } = await post({ ...login, access_type: 'offline', scope: SCOPE })
  t.is(body.refresh_token, 'identity-w')
  t.is(typeof body.access_token, 'string')
  const got = await fetch(`${tokens.realm}?service=${tokens.service}&offline_token=true`, {
    headers: { authorization: `Basic ${btoa('writer:w')}` },
  })
  t.like(await got.json(), { refresh_token: 'identity-w' })
  const traded = await post({ grant_type: 'refresh_token', refresh_token: 'identity-w', scope: SCOPE })
  t.is(traded.status, 200)
  t.deepEqual(await post({ ...login, password: 'x' }), { status: 400, body: { error: 'invalid_grant' } })
})
