// A login service for registries, written against the token specification of the distribution project: GET with Basic,
// POST with an OAuth2 grant. It signs tokens that the real docker-registry accepts, and remembers what it was sent.
import { randomUUID, sign, X509Certificate } from 'node:crypto'
import { makeCertificate, type TestCertificate } from './certificate.ts'
import { errorBody, type FakeAnswer, type FakeRequest, startFakeRegistry } from './fake-registry.ts'

export interface TokenUser {
  readonly password?: string
  /** Each may be traded for tokens of this user. */
  readonly identityTokens?: readonly string[]
  /** Repositories, by their full name. */
  readonly pull?: readonly string[]
  readonly push?: readonly string[]
}

export interface TokenServerOptions {
  readonly users: Readonly<Record<string, TokenUser>>
  /** Repositories that everybody may pull. */
  readonly open?: readonly string[]
  /** What the registry is called in tokens. Default `registry.test`. */
  readonly service?: string
  /** Knows the older half of the specification only: GET. */
  readonly getOnly?: boolean
  /** Speaks TLS with it; plain HTTP without. */
  readonly tls?: TestCertificate
  /** Address to bind. Default 127.0.0.1. */
  readonly address?: string
}

export interface TestTokenServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  /** The address that a challenge names. */
  readonly realm: string
  readonly service: string
  readonly issuer: string
  /** PEM of the certificate that tokens are signed with: the registry's `rootcertbundle`. */
  readonly certificate: string
  /** Everything that came, with Authorization header and body, in order. */
  readonly requests: readonly FakeRequest[]
  /** A token for a repository without asking, e.g. to fill a registry. */
  tokenFor(repository: string, actions: readonly string[]): string
  stop(): Promise<void>
}

interface Access {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

const ISSUER = 'fairlead test tokens'
/** Seconds. */
const LIFETIME = 300

export async function startTokenServer(options: TokenServerOptions): Promise<TestTokenServer> {
  const { users, open = [], service = 'registry.test', getOnly = false } = options
  const signer = makeCertificate('DNS:tokens.test')

  function tokenAnswer(name: string | null, scopes: readonly string[], refreshToken?: string): FakeAnswer {
    const access = scopes.flatMap(scope => granted(name === null ? {} : users[name], open, scope))
    const token = signedToken(signer, service, name ?? '', access)
    const body = { token, access_token: token, expires_in: LIFETIME, issued_at: new Date().toISOString() }
    return {
      status: 200,
      body: refreshToken === undefined ? body : { ...body, refresh_token: refreshToken },
    }
  }

  const identityTokenOf = (name: string) => users[name]?.identityTokens?.[0]

  function get({ query, authorization }: FakeRequest): FakeAnswer {
    if (query.get('service') !== service) return { status: 400, body: errorBody('UNSUPPORTED', 'service') }
    const name = authorization === null ? null : userOfBasic(users, authorization)
    if (name === undefined) {
      return { status: 401, body: errorBody('UNAUTHORIZED', 'incorrect username or password') }
    }
    const offline = query.get('offline_token') === 'true' && name !== null
    return tokenAnswer(
      name,
      query.getAll('scope').flatMap(words),
      offline ? identityTokenOf(name) : undefined,
    )
  }

  function post({ body }: FakeRequest): FakeAnswer {
    const form = new URLSearchParams(body)
    const [grant, client] = [form.get('grant_type'), form.get('client_id')]
    if (grant !== 'refresh_token' && grant !== 'password') return oauthError('unsupported_grant_type')
    if (!client || form.get('service') !== service) return oauthError('invalid_request')
    const name = userOfGrant(users, form)
    if (name === undefined) return oauthError('invalid_grant')
    const offline = grant === 'refresh_token' || form.get('access_type') === 'offline'
    return tokenAnswer(name, words(form.get('scope') ?? ''), offline ? identityTokenOf(name) : undefined)
  }

  const server = await startFakeRegistry(
    request => {
      if (request.path !== '/token') return { status: 404 }
      if (request.method === 'GET') return get(request)
      return request.method === 'POST' && !getOnly ? post(request) : { status: 405 }
    },
    options.tls,
    options.address,
  )
  return {
    host: server.host,
    realm: `${server.url}/token`,
    service,
    issuer: ISSUER,
    certificate: signer.cert,
    requests: server.requests,
    tokenFor: (repository, actions) =>
      signedToken(signer, service, 'test', [{ type: 'repository', name: repository, actions }]),
    stop: server.stop,
  }
}

/** What is asked for and allowed; nothing at all rather than a refusal, as the specification has it. */
function granted(user: TokenUser | undefined, open: readonly string[], scope: string): Access[] {
  const [, type = '', name = '', asked = ''] = /^([a-z]+):(.+):([a-z,*]*)$/.exec(scope) ?? []
  if (type !== 'repository') return []
  const may = {
    pull: open.includes(name) || user?.pull?.includes(name),
    push: user?.push?.includes(name),
  }
  const actions = asked.split(',').filter(action => may[action as keyof typeof may] === true)
  return actions.length === 0 ? [] : [{ type, name, actions }]
}

/** Undefined for a login that is wrong. */
function userOfBasic(users: TokenServerOptions['users'], header: string): string | undefined {
  const [scheme = '', encoded = ''] = header.split(' ')
  const login = Buffer.from(encoded, 'base64').toString('utf8')
  const name = login.slice(0, login.indexOf(':'))
  const password = login.slice(login.indexOf(':') + 1)
  return scheme.toLowerCase() === 'basic' && isPassword(users, name, password) ? name : undefined
}

function userOfGrant(users: TokenServerOptions['users'], form: URLSearchParams): string | undefined {
  if (form.get('grant_type') === 'password') {
    const name = form.get('username') ?? ''
    return isPassword(users, name, form.get('password') ?? '') ? name : undefined
  }
  const token = form.get('refresh_token') ?? ''
  return Object.keys(users).find(name => users[name]?.identityTokens?.includes(token))
}

function isPassword(users: TokenServerOptions['users'], name: string, password: string): boolean {
  return Object.hasOwn(users, name) && users[name]?.password === password
}

/** A JWT in the form that docker-registry 2.8 reads: ES256, the certificate in its header. */
function signedToken(
  signer: TestCertificate,
  audience: string,
  subject: string,
  access: readonly Access[],
): string {
  const now = Math.floor(Date.now() / 1000)
  const der = new X509Certificate(signer.cert).raw.toString('base64')
  const claims = {
    iss: ISSUER,
    sub: subject,
    aud: audience,
    // The registry's clock is the same, yet its seconds may begin later.
    nbf: now - 5,
    iat: now,
    exp: now + LIFETIME,
    jti: randomUUID(),
    access,
  }
  const content = [{ typ: 'JWT', alg: 'ES256', x5c: [der] }, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = sign('sha256', Buffer.from(content), { key: signer.key, dsaEncoding: 'ieee-p1363' })
  return `${content}.${signature.toString('base64url')}`
}

function oauthError(error: string): FakeAnswer {
  return { status: 400, body: { error } }
}

function words(text: string): string[] {
  return text.split(' ').filter(word => word !== '')
}
