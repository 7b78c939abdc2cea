// Addresses of credential files: which may be named, how they are shown, and when they are fetched.
import { inspect } from 'node:util'
import test from 'ava'
import fc from 'fast-check'
import { Problem } from '../../../../src/domain/problem.ts'
import { Secret } from '../../../../src/domain/secret.ts'
import { describeUri, parseRegistryUri, uriSource } from '../../../../src/registry/sources/uri.ts'
import { caughtProblem } from '../../../support/caught-problem.ts'

const SIGNED = 'https://files.example.com:8443/team/config.json?X-Amz-Signature=5ec4e7&b=%2F'
const CALLS = '`fairlead registry:uri https://…` or `fairlead registry:uri file:///…`.'
const FILE = JSON.stringify({
  auths: {
    'quay.io': { auth: Buffer.from('robot:hunter2').toString('base64') },
    'ghcr.io/acme': { username: 'octo', password: 'hunter3' },
  },
})
const never = () => new AbortController().signal

for (const [text, href, described] of [
  [SIGNED, SIGNED, 'https://files.example.com:8443/team/config.json'],
  ['HTTPS://Files.Example.com:443/a', 'https://files.example.com/a', 'https://files.example.com/a'],
  ['https://example.com', 'https://example.com/', 'https://example.com/'],
  ['https://[::1]:8443/a@b', 'https://[::1]:8443/a@b', 'https://[::1]:8443/a@b'],
  ['file:///etc/docker.tar.gz', 'file:///etc/docker.tar.gz', 'file:///etc/docker.tar.gz'],
  ['file://localhost/etc/a', 'file:///etc/a', 'file:///etc/a'],
  ['FILE:///etc/a%20b', 'file:///etc/a%20b', 'file:///etc/a%20b'],
  ['file:///srv/ä/..a/b..', 'file:///srv/%C3%A4/..a/b..', 'file:///srv/%C3%A4/..a/b..'],
] as const) {
  test(`${text} may be named, and is shown without its query`, t => {
    const url = parseRegistryUri(text)
    t.is(url.href, href)
    t.is(describeUri(url), described)
  })
}

for (const [text, saw, advice] of [
  [
    'http://example.com/a?k=hunter2',
    'http:// carries the file, and every password in it, in the clear.',
    'Serve the file over https',
  ],
  ['ftp://example.com/hunter2', 'It begins with neither file:/// nor https://.', 'Name the address in full'],
  ['hunter2', 'It begins with neither file:/// nor https://.', 'Name the address in full'],
  ['', 'It begins with neither file:/// nor https://.', 'Name the address in full'],
  ['/etc/docker.tar.gz', 'It begins with neither file:/// nor https://.', 'Name the address in full'],
  ['file:/etc/hunter2', 'It begins with neither file:/// nor https://.', 'Name the address in full'],
  ['https:example.com/a', 'It begins with neither file:/// nor https://.', 'Name the address in full'],
  ['https:///example.com/a', 'It names no host.', 'Name the address in full'],
  ['https://', 'It names no host.', 'Name the address in full'],
  [
    'https://a b/hunter2',
    'It holds a space, a backslash or a control character.',
    'Write those percent-encoded (a space is %20)',
  ],
  [
    ' https://example.com',
    'It holds a space, a backslash or a control character.',
    'Write those percent-encoded (a space is %20)',
  ],
  [
    'https://exa\nmple.com',
    'It holds a space, a backslash or a control character.',
    'Write those percent-encoded (a space is %20)',
  ],
  [
    'https:\\\\example.com',
    'It holds a space, a backslash or a control character.',
    'Write those percent-encoded (a space is %20)',
  ],
  ['https://example.com:99999/', 'It names no host.', 'Name the address in full'],
  ['https://exa%00mple.com/', 'It names no host.', 'Name the address in full'],
  [
    'https://example.com/a?hunter2#part',
    'The part after # never reaches the server.',
    'Leave it out, or write # as %23',
  ],
  [
    `https://example.com/${'x'.repeat(8192)}`,
    'It has 8212 characters, and 8192 are the most.',
    'Name a shorter address of the file',
  ],
  [
    'file://example.com/etc/a',
    'A file: address names no host: the file lies with the gateway.',
    'Write three slashes',
  ],
  ['file://', 'A file: address names no host: the file lies with the gateway.', 'Write three slashes'],
  [
    'file://robot:hunter2@localhost/a',
    'A file: address names no host: the file lies with the gateway.',
    'Write three slashes',
  ],
  ['file:///a?hunter2', 'A file has no query and no fragment.', 'Write ? as %3F and # as %23'],
  ['file:///a#hunter2', 'A file has no query and no fragment.', 'Write ? as %3F and # as %23'],
  ['file:///a/%zz', 'It holds a % that begins no encoded character.', 'Write % as %25'],
  ['file:///a/%ff', 'It holds a % that begins no encoded character.', 'Write % as %25'],
  ...[
    'file:///a/../b',
    'file:///a/%2e%2E/b',
    'file:///a/.%2e',
    'file:///./a',
    'file:///a%2Fb',
    'file:///a%2fb',
    'file:///a%00b',
  ].map(
    text =>
      [
        text,
        'Its path holds `.` or `..`, or an encoded slash or NUL.',
        'Name the path without detours',
      ] as const,
  ),
] as const) {
  test(`${JSON.stringify(text.slice(0, 60))} is refused with the reason, and not repeated`, async t => {
    t.deepEqual(await caughtProblem(() => parseRegistryUri(text)), {
      code: 'usage',
      headline: 'This address cannot be used for a file of credentials',
      saw,
      hint: `${advice}: ${CALLS}`,
    })
  })
}

for (const login of ['robot:hunter2', 'hunter2', ':hunter2', 'a@b:hunter2', '', ':']) {
  test(`a login in the address is refused without being repeated: ${JSON.stringify(login)}`, t => {
    const error = t.throws(() => parseRegistryUri(`https://${login}@example.com/a?hunter2`), {
      instanceOf: Problem,
    })
    const { headline, saw, hint } = error as Problem
    t.is(headline, 'The address https://example.com/a holds a login')
    t.is(
      saw,
      'A user or password before the host is seen in the history of the shell, in lists of processes and in the logs of proxies.',
    )
    t.is(
      hint,
      "Change that password, since it was sent here. Then use an address that is signed in its query or needs no login, or store the registry's login itself with `fairlead registry:login`.",
    )
    t.notRegex(inspect(error, { depth: null, showHidden: true }), /hunter2/)
  })
}

test('whatever is accepted carries no login and no fragment, and what is refused is refused in words', t => {
  const piece = fc.constantFrom(
    'https://',
    'file:///',
    'file://localhost/',
    'u:p@',
    '@',
    'a.example',
    '/',
    '..',
    '%2e',
    '?',
    '#',
    ':',
    '1',
    '%',
    'ü',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
      try {
        const url = parseRegistryUri(pieces.join(''))
        return (
          ['https:', 'file:'].includes(url.protocol) &&
          url.username + url.password + url.hash === '' &&
          (url.protocol === 'https:' || url.host + url.search === '') &&
          !describeUri(url).includes('?')
        )
      } catch (error) {
        return error instanceof Problem && error.code === 'usage'
      }
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

test('an app without an address has a source with nothing in it', async t => {
  const source = uriSource(null, () => t.fail() as never, never())
  t.is(source.name, 'registry:uri')
  t.false(source.isSet)
  t.deepEqual(await source.read('quay.io'), [])
})

test('the file is fetched when it is first needed, and once only', async t => {
  const fetched: string[] = []
  const { signal } = new AbortController()
  const source = uriSource(
    new Secret(SIGNED),
    async (uri, given) => {
      t.is(given, signal)
      fetched.push(uri.href)
      return Buffer.from(FILE)
    },
    signal,
  )
  t.true(source.isSet)
  t.is(source.name, 'registry:uri https://files.example.com:8443/team/config.json')
  t.deepEqual(fetched, [])
  const [quay, github, none] = await Promise.all(
    ['quay.io', 'ghcr.io', 'docker.io'].map(host => source.read(host)),
  )
  t.deepEqual(fetched, [SIGNED])
  t.deepEqual(
    quay?.map(auth => ({ ...auth, password: auth.password.reveal() })),
    [
      {
        host: 'quay.io',
        path: '',
        kind: 'password',
        username: 'robot',
        password: 'hunter2',
        source: source.name,
      },
    ],
  )
  t.deepEqual(
    github?.map(({ host, path, username }) => ({ host, path, username })),
    [{ host: 'ghcr.io', path: 'acme', username: 'octo' }],
  )
  t.deepEqual(none, [])
})

test('a failed download is not tried again for the next image, and each deploy begins anew', async t => {
  let tries = 0
  const problem = new Problem('registry-uri-failed', { headline: 'no', hint: 'none' })
  const make = () =>
    uriSource(
      new Secret(SIGNED),
      async () => {
        tries++
        throw problem
      },
      never(),
    )
  const source = make()
  t.is(await t.throwsAsync(source.read('quay.io')), problem)
  t.is(await t.throwsAsync(source.read('quay.io')), problem)
  t.is(tries, 1)
  await t.throwsAsync(make().read('quay.io'))
  t.is(tries, 2)
})

test('a file that cannot be read names the address without its query', async t => {
  const source = uriSource(new Secret(SIGNED), async () => Buffer.from('{"auths": hunter2'), never())
  const error = await t.throwsAsync(source.read('quay.io'), { instanceOf: Problem })
  t.is(error?.code, 'dockercfg-invalid')
  const shown = inspect(error, { depth: null, showHidden: true })
  t.regex(shown, /https:\/\/files\.example\.com:8443\/team\/config\.json/)
  t.notRegex(shown, /5ec4e7|hunter2/)
})
