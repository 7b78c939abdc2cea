import test from 'ava'
import fc from 'fast-check'
import { parseDockercfg } from '../../../src/domain/dockercfg.ts'
import { decodeDockercfg } from '../../../src/domain/dockercfg-text.ts'
import { Problem, problemLines } from '../../../src/domain/problem.ts'
import { caughtProblem } from '../../support/caught-problem.ts'

const FROM = { source: 'the test', file: 'config.json' }
const PASSWORD = 'hunter2-s3cret'
const packed = (login: string) => Buffer.from(login).toString('base64')
const AUTH = packed(`bob:${PASSWORD}`)
const HUB = 'https://index.docker.io/v1/'

/** The logins in it, bare, so that they can be compared. */
function read(content: unknown): string[] {
  return parseDockercfg(typeof content === 'string' ? content : JSON.stringify(content), FROM).map(auth => {
    const place = auth.path === '' ? auth.host : `${auth.host}/${auth.path}`
    return `${place} ${auth.kind} ${auth.username}:${auth.password.reveal()} (${auth.source})`
  })
}

const refusal = (content: unknown) => caughtProblem(() => read(content))
/** Of an entry for quay.io. */
const entryRefusal = async (entry: unknown) => (await refusal({ auths: { 'quay.io': entry } })).headline

test('config.json and the flat .dockercfg before it hold the same', t => {
  const entries = { [HUB]: { auth: AUTH, email: 'bob@example.com' }, 'https://quay.io/v1/': { auth: AUTH } }
  const expected = [
    `docker.io password bob:${PASSWORD} (the test)`,
    `quay.io password bob:${PASSWORD} (the test)`,
  ]
  t.deepEqual(read({ auths: entries, HttpHeaders: { 'User-Agent': 'x' } }), expected)
  t.deepEqual(read(entries), expected)
})

test('a path behind the host is a path, and nothing else is changed by it', t => {
  t.deepEqual(read({ auths: { 'ghcr.io/org': { auth: AUTH }, 'ghcr.io': { auth: packed('amy:other') } } }), [
    `ghcr.io/org password bob:${PASSWORD} (the test)`,
    'ghcr.io password amy:other (the test)',
  ])
})

test('auth may be padded or not, of either alphabet, wrapped, and end in NULs; its first colon parts it', t => {
  const bytes = Buffer.from('bob:a:?>~ÿ\0\0')
  const expected = ['quay.io password bob:a:?>~ÿ (the test)']
  for (const auth of [
    bytes.toString('base64'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('base64').replace(/^.{6}/, '$&\r\n'),
  ]) {
    t.deepEqual(read({ 'quay.io': { auth } }), expected)
  }
})

test('a user name and a password may stand by themselves, and auth wins over them', t => {
  const own = { username: 'amy', password: 'p:w' }
  t.deepEqual(read({ auths: { 'quay.io': own } }), ['quay.io password amy:p:w (the test)'])
  t.deepEqual(read({ auths: { 'quay.io': { ...own, auth: AUTH } } }), [
    `quay.io password bob:${PASSWORD} (the test)`,
  ])
})

test('an identity token is one in each of its three spellings', t => {
  const expected = ['quay.io identity-token <token>:tok-en (the test)']
  t.deepEqual(read({ auths: { 'quay.io': { auth: packed('00-00:'), identitytoken: 'tok-en' } } }), expected)
  t.deepEqual(read({ auths: { 'quay.io': { auth: packed('<token>:tok-en') } } }), expected)
  t.deepEqual(read({ auths: { 'quay.io': { username: '<token>', password: 'tok-en' } } }), expected)
})

test('the key of a service account, with many lines and a last line end, is a password', t => {
  const key = '{\n  "type": "service_account"\n}\n'
  t.deepEqual(read({ auths: { 'gcr.io': { auth: packed(`_json_key:${key}`) } } }), [
    `gcr.io password _json_key:${key} (the test)`,
  ])
})

test('empty entries are read over, and so is what docker keeps for its own login', t => {
  const auths = {
    'quay.io': { auth: AUTH },
    'ghcr.io': {},
    'gcr.io': { auth: '', email: 'x' },
    [`${HUB}access-token`]: { auth: packed('bob:eyJ') },
    [`${HUB}refresh-token`]: { auth: packed('bob:v1.') },
  }
  t.deepEqual(read({ auths }), [`quay.io password bob:${PASSWORD} (the test)`])
})

test('a byte order mark is left out', t => {
  t.is(read(`\ufeff${JSON.stringify({ auths: { 'quay.io': { auth: AUTH } } })}`).length, 1)
})

test('a host written in two ways is one entry if the login is the same, else refused', async t => {
  t.is(read({ auths: { 'quay.io': { auth: AUTH }, 'https://quay.io': { auth: AUTH } } }).length, 1)
  t.deepEqual(await refusal({ auths: { 'docker.io': { auth: AUTH }, [HUB]: { auth: packed('amy:x') } } }), {
    code: 'dockercfg-invalid',
    headline: 'config.json holds two different logins for docker.io',
    saw: undefined,
    hint: 'Leave the one in it that is right, and write its host once.',
  })
})

const helperRefusal = (host: string, place: string) => ({
  code: 'dockercfg-invalid',
  headline: `config.json holds no password for ${host === 'HOST' ? 'any registry' : host}: docker keeps it in ${place} on the machine where \`docker login\` was run`,
  saw: undefined,
  hint: `Store the login with \`fairlead registry:login ${host} --username USER --password-stdin\`, or write a file that holds it with \`docker --config DIR login ${host}\`, where DIR is an empty directory: it is then in DIR/config.json.`,
})

test('a file whose passwords are with a credential helper is refused with what to do', async t => {
  const desktop = 'the credential helper desktop'
  t.deepEqual(
    await refusal({ auths: { [HUB]: {} }, credsStore: 'desktop' }),
    helperRefusal('docker.io', desktop),
  )
  t.deepEqual(await refusal({ credsStore: 'desktop' }), helperRefusal('HOST', desktop))
  t.deepEqual(await refusal({ auths: {}, credsStore: 'desktop' }), helperRefusal('HOST', desktop))
  t.deepEqual(
    await refusal({ auths: { 'quay.io': { auth: AUTH } }, credHelpers: { 'gcr.io': 'gcloud' } }),
    helperRefusal('gcr.io', 'the credential helper gcloud'),
  )
  t.deepEqual(
    await refusal({ auths: { 'quay.io': {} }, credHelpers: { 'quay.io': 'a b\u001b' } }),
    helperRefusal('quay.io', 'a credential helper'),
  )
})

test('a helper does no harm where every login is in the file', t => {
  const auths = { 'quay.io': { auth: AUTH } }
  t.is(read({ auths, credsStore: 'desktop' }).length, 1)
  t.is(read({ auths, credHelpers: { 'quay.io': 'x' } }).length, 1)
  t.is(read({ auths, credsStore: '', credHelpers: {} }).length, 1)
  t.is(read({ auths: { ...auths, 'ghcr.io': {} }, credHelpers: { 'quay.io': 'x' } }).length, 1)
})

test('a file without text is told apart from one with a fault', async t => {
  for (const content of ['', ' \n', '\ufeff']) {
    t.deepEqual(await refusal(content), {
      code: 'dockercfg-invalid',
      headline: 'Failed to parse dockercfg: config.json is empty',
      saw: undefined,
      hint: 'Look whether it is the right file, or write the file anew with `docker --config DIR login HOST`, where DIR is an empty directory; docker then writes DIR/config.json.',
    })
  }
})

test('JSON that cannot be read is described by its place, and not repeated', async t => {
  const problem = await refusal(`{"auths": {\n  "quay.io": {"auth": ${PASSWORD}}}}`)
  t.deepEqual(problem, {
    code: 'dockercfg-invalid',
    headline: 'Failed to parse dockercfg: config.json, line 2, column 23',
    saw: 'A value should stand there: text in double quotes, a number, an object or a list. The text is not shown, since it may hold a password.',
    hint: 'Correct the JSON there, or write the file anew with `docker --config DIR login HOST`, where DIR is an empty directory; docker then writes DIR/config.json.',
  })
})

for (const [content, headline] of [
  ['[]', 'config.json is JSON, but not a dockercfg: it holds a list, not an object'],
  ['"x"', 'config.json is JSON, but not a dockercfg: it holds text, not an object'],
  ['null', 'config.json is JSON, but not a dockercfg: it holds null, not an object'],
  ['{"auths": ["x"]}', 'config.json has a list as its "auths", not an object'],
  ['{"auths": null}', 'config.json has null as its "auths", not an object'],
  ['{}', 'config.json holds no login for any registry'],
  ['{"auths": {"quay.io": {}}}', 'config.json holds no login for any registry'],
  ['{"HttpHeaders": {}}', 'config.json: the name of entry 1, "HttpHeaders", is not a registry host'],
  [
    '{"__proto__": {"auth": "eDp5"}}',
    'config.json: the name of entry 1, "__proto__", is not a registry host',
  ],
  [
    '{"https://u:pw@quay.io": {}}',
    "config.json: the name of entry 1 (not shown, since it has a ':' or '@') is not a registry host",
  ],
  [
    '{"u:pwquay.io": {}}',
    "config.json: the name of entry 1 (not shown, since it has a ':' or '@') is not a registry host",
  ],
  ['{"https://Quay/x": {}}', 'config.json: the name of entry 1, "https://Quay/x", is not a registry host'],
  ['{"x\\u001b[2Jy": {}}', 'config.json: the name of entry 1, "x\\u{1b}[2Jy", is not a registry host'],
] as const) {
  test(`refused: ${content}`, async t => {
    const problem = await refusal(content)
    t.is(problem.code, 'dockercfg-invalid')
    t.is(problem.headline, headline)
  })
}

for (const [entry, what] of [
  ['x', 'is text, not an object with "auth"'],
  [[], 'is a list, not an object with "auth"'],
  [{ auth: 7 }, 'has a number as its "auth", not text'],
  [{ username: 'u', password: null }, 'has null as its "password", not text'],
  [{ auth: '!!!!' }, 'has an "auth" that is not base64'],
  [{ auth: 'YWJjZ' }, 'has an "auth" that is not base64'],
  [{ auth: 'YWI6Yw=' }, 'has an "auth" that is not base64'],
  [{ auth: '+_Y6' }, 'has an "auth" that is not base64'],
  [{ auth: '====' }, 'has an "auth" that is not base64'],
  [
    { auth: Buffer.from('a:\xff', 'latin1').toString('base64') },
    'has an "auth" that is no UTF-8 text behind its base64',
  ],
  [{ auth: packed(PASSWORD) }, 'has an "auth" without a colon, so it is not user:password in base64'],
  [{ auth: packed(`:${PASSWORD}`) }, 'has no user name'],
  [{ auth: packed('bob:') }, 'has no password'],
  [{ auth: packed('bob:\0') }, 'has no password'],
  [{ auth: packed('bob:a\0b') }, 'has a NUL in its password'],
  [{ password: PASSWORD }, 'has no user name'],
  [{ username: 'bob' }, 'has no password'],
  [
    { username: 'bob:x', password: PASSWORD },
    "has a ':' or a control character in its user name, which no registry login can carry",
  ],
  [
    { auth: packed(`b\nob:${PASSWORD}`) },
    "has a ':' or a control character in its user name, which no registry login can carry",
  ],
  [
    { registrytoken: PASSWORD },
    'holds a "registrytoken", which is over after some minutes and cannot be had anew from it',
  ],
  [{ token: PASSWORD }, 'has neither "auth" nor "username" and "password"'],
  [{ __proto: { auth: AUTH } }, 'has neither "auth" nor "username" and "password"'],
  [
    { auth: packed(`bob:${PASSWORD}\n`) },
    'has a password that ends with a line break, as `echo` without -n leaves it',
  ],
] as const) {
  test(`an entry is refused: ${JSON.stringify(entry)}`, async t => {
    t.is(await entryRefusal(entry), `config.json: the entry for quay.io ${what}`)
  })
}

test('what to do about an entry names the host', async t => {
  t.is(
    (await refusal({ auths: { 'quay.io/acme': { auth: 'x' } } })).hint,
    'Write the entry anew with `docker --config DIR login quay.io`, where DIR is an empty directory, or store the login with `fairlead registry:login quay.io/acme --username USER --password-stdin`.',
  )
  t.is(
    (await refusal({ auths: { 'quay.io': { registrytoken: 'x' } } })).hint,
    'Log in with a user name and a password or access token instead: `fairlead registry:login quay.io --username USER --password-stdin`.',
  )
})

test('names of the prototype are no fields of an entry', async t => {
  const content = `{"auths": {"quay.io": {"__proto__": {"auth": "${AUTH}"}}}}`
  t.regex((await refusal(content)).headline, /has neither "auth" nor/)
})

test('more than 1000 entries, more than 1 MiB, and nesting without end are refused', async t => {
  const many = Object.fromEntries(
    Array.from({ length: 1001 }, (_, i) => [`r${i}.example.com`, { auth: AUTH }]),
  )
  t.is((await refusal({ auths: many })).headline, 'config.json has 1001 entries, and at most 1000 are read')
  t.is(
    (await refusal('x'.repeat(1024 * 1024 + 1))).headline,
    'config.json is too large for a file of registry credentials',
  )
  t.regex(
    (await refusal('[{"a":'.repeat(100_000))).headline,
    /^Failed to parse dockercfg: config\.json, line 1/,
  )
})

test('bytes that are no UTF-8 text are refused, whatever they are', async t => {
  const refusalOf = (bytes: Buffer) => caughtProblem(() => decodeDockercfg(bytes, 'config.json'))
  const [latin1, utf16] = [Buffer.from('{"ä": 1}', 'latin1'), Buffer.from('\ufeff{}', 'utf16le')]
  t.is((await refusalOf(latin1)).headline, 'config.json is not UTF-8 text')
  t.is((await refusalOf(latin1)).saw, 'It holds bytes that are not UTF-8.')
  t.is(
    (await refusalOf(utf16)).saw,
    'It is UTF-16, as some programs for Windows write it, or no text at all.',
  )
  t.is(
    (await refusalOf(Buffer.alloc(1024 * 1024 + 1))).headline,
    'config.json is too large for a file of registry credentials',
  )
})

/** Everything a Problem can show, its causes included. */
function shown(problem: Problem): string {
  return `${problemLines(problem).join('\n')}\n${problem.stack}\n${String(problem.cause ?? '')}`
}

test('whatever the text, it is read or a Problem says why, and none shows a password', t => {
  const anything = fc.json().map(text => JSON.parse(text) as unknown)
  const value = fc.oneof(
    fc.constantFrom(PASSWORD, AUTH, packed(PASSWORD), packed(`:${PASSWORD}`), packed(`bob:${PASSWORD}\n`)),
    anything,
  )
  const entry = fc.dictionary(
    fc.constantFrom(
      'auth',
      'username',
      'password',
      'identitytoken',
      'registrytoken',
      'email',
      '__proto__',
      'x',
    ),
    value,
  )
  const entries = fc.dictionary(
    fc.constantFrom('quay.io', HUB, 'docker.io', 'ghcr.io/a', 'x', `u:${PASSWORD}@quay.io`, '__proto__'),
    fc.oneof(entry, value),
  )
  const file = fc.record(
    { auths: fc.oneof(entries, value), credsStore: anything, credHelpers: anything },
    { requiredKeys: [] },
  )
  const text = fc.oneof(file, entries).map(each => JSON.stringify(each))
  const broken = fc.tuple(text, fc.nat()).map(([json, at]) => {
    const place = at % (json.length + 1)
    return json.slice(0, place) + json.slice(place + 1)
  })
  fc.assert(
    fc.property(fc.oneof(text, broken, fc.string()), content => {
      try {
        t.true(parseDockercfg(content, FROM).length > 0)
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        const words = shown(error)
        for (const secret of [PASSWORD, AUTH, packed(PASSWORD)]) t.false(words.includes(secret), words)
      }
    }),
    { numRuns: 3000 },
  )
})

test('whatever the login, it is read back as it was packed', t => {
  const username = fc
    .string({ minLength: 1 })
    .filter(name => !/[:\x00-\x1f\x7f]/.test(name) && name !== '<token>')
  const password = fc.string({ minLength: 1, unit: 'grapheme' }).filter(each => !/[\0\r\n]/.test(each))
  fc.assert(
    fc.property(username, password, fc.constantFrom('base64', 'base64url'), (user, pass, alphabet) => {
      const auth = Buffer.from(`${user}:${pass}`).toString(alphabet as 'base64')
      const [found] = parseDockercfg(JSON.stringify({ 'quay.io': { auth } }), FROM)
      t.deepEqual([found?.username, found?.password.reveal()], [user, pass])
    }),
  )
})
