// Files of credentials from a real HTTPS server under a private authority, and from servers that mean harm.
import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { type DownloadOptions, fileFetcher } from '../../../src/registry/download.ts'
import { type CaughtProblem, caughtProblem, withText } from '../../support/caught-problem.ts'
import { makeCertificate } from '../../support/certificate.ts'

const certificate = makeCertificate('IP:127.0.0.1,DNS:localhost')
const FILE = '{"auths":{}}'
const SECRET = 'X-Amz-Signature=5ec4e7'
const HEADLINE = 'The registry credentials at https://HOST/team/config.json could not be fetched'
const SET = '`fairlead registry:uri https://…`'

interface Served {
  readonly host: string
  /** With the query that must not be shown. */
  readonly uri: URL
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[]
}

async function listen(t: ExecutionContext, server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function serve(t: ExecutionContext, listener: RequestListener): Promise<Served> {
  const requests: Served['requests'] = []
  const server = createServer({ ...certificate }, (incoming, outgoing) => {
    requests.push({ url: incoming.url ?? '', headers: incoming.headers })
    listener(incoming, outgoing)
  })
  const host = await listen(t, server)
  t.teardown(() => server.closeAllConnections())
  return { host, uri: new URL(`https://${host}/team/config.json?${SECRET}`), requests }
}

/** A server that writes just these bytes over TLS, then ends the connection unless told to hold it. */
async function serveBytes(t: ExecutionContext, bytes: string | Buffer, holds = false): Promise<URL> {
  const server = createTlsServer({ ...certificate }, socket => {
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    socket.once('data', () => (holds ? socket.write(bytes) : socket.end(bytes)))
  })
  const host = await listen(t, server)
  return new URL(`https://${host}/team/config.json?${SECRET}`)
}

function fetchFile(uri: URL, options: Partial<DownloadOptions> & { signal?: AbortSignal } = {}) {
  const { signal = new AbortController().signal, ...rest } = options
  return fileFetcher({ filesDirectory: null, trustedCa: certificate.cert, maxBytes: 1000, ...rest })(
    uri,
    signal,
  )
}

/** The Problem with HOST for the server's own; wherever one looks in it, there is no query. */
async function problemOf(t: ExecutionContext, uri: URL, options: Parameters<typeof fetchFile>[1] = {}) {
  const error = await t.throwsAsync(fetchFile(uri, options), { instanceOf: Problem })
  t.notRegex(inspect(error, { depth: null, showHidden: true }), /5ec4e7|X-Amz|hunter2/)
  t.is(error?.cause, undefined)
  return withText(await caughtProblem(Promise.reject(error)), uri.host, 'HOST')
}

const failed = (saw: string, hint: string): CaughtProblem => ({
  code: 'registry-uri-failed',
  headline: HEADLINE,
  saw,
  hint,
})

test('a file is fetched with its query, and with nothing that says who asks', async t => {
  const { uri, requests, host } = await serve(t, (_, outgoing) => {
    outgoing.setHeader('set-cookie', 'a=b')
    outgoing.end(FILE)
  })
  t.is((await fetchFile(uri)).toString(), FILE)
  t.is((await fetchFile(uri)).toString(), FILE)
  t.deepEqual(
    requests,
    [1, 2].map(() => ({
      url: `/team/config.json?${SECRET}`,
      headers: { host, 'user-agent': 'fairlead', 'accept-encoding': 'identity', connection: 'keep-alive' },
    })),
  )
})

test('one of several authorities in one file is enough', async t => {
  const { uri } = await serve(t, (_, outgoing) => outgoing.end(FILE))
  const trustedCa = makeCertificate('DNS:other.example').cert + certificate.cert
  t.is((await fetchFile(uri, { trustedCa })).toString(), FILE)
})

test('a server under an authority that is not trusted is sent nothing', async t => {
  const { uri, requests } = await serve(t, (_, outgoing) => outgoing.end(FILE))
  const trustedCa = makeCertificate('DNS:other.example').cert
  t.deepEqual(
    await problemOf(t, uri, { trustedCa }),
    failed(
      'The certificate of HOST is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT).',
      'Ask whoever runs HOST for a certificate that is trusted everywhere, or an operator of the gateway to add its authority to the file in FAIRLEAD_REGISTRY_CA.',
    ),
  )
  t.deepEqual(requests, [])
})

test('a certificate for another name is told', async t => {
  const other = makeCertificate('DNS:other.example')
  const server = createServer({ ...other })
  const host = await listen(t, server)
  const problem = await problemOf(t, new URL(`https://${host}/team/config.json`), { trustedCa: other.cert })
  t.is(problem.saw, 'The certificate of HOST is for another name (ERR_TLS_CERT_ALTNAME_INVALID).')
})

test('a server that speaks no TLS is told', async t => {
  const host = await listen(
    t,
    createPlainServer((_, outgoing) => outgoing.end(FILE)),
  )
  const problem = await problemOf(t, new URL(`https://${host}/team/config.json?${SECRET}`))
  t.regex(problem.saw ?? '', /^HOST does not speak TLS as we do \((EPROTO|ERR_SSL_\w+)\)\.$/)
})

test('nobody on that port is told', async t => {
  t.deepEqual(
    await problemOf(t, new URL(`https://127.0.0.1:1/team/config.json?${SECRET}`)),
    failed(
      'HOST refuses the connection (ECONNREFUSED).',
      `Push again when HOST answers, or correct the address with ${SET}.`,
    ),
  )
})

test('a name that nobody has is told', async t => {
  const problem = await problemOf(t, new URL(`https://nobody.invalid/team/config.json?${SECRET}`))
  t.regex(
    problem.saw ?? '',
    /^HOST is a name that (is not known \(ENOTFOUND\)|could not be looked up \(EAI_AGAIN\))\.$/,
  )
})

for (const [status, saw, hint] of [
  [
    401,
    'HOST demands a login (401).',
    `No login is ever sent there: set an address that is signed in its query or needs none with ${SET}, or store the registry's login itself with \`fairlead registry:login\`.`,
  ],
  [
    403,
    'HOST refuses the file (403).',
    `A signed address may have expired: sign a new one, and set it with ${SET}.`,
  ],
  [404, 'HOST has no such file (404).', `Put it there, or correct the address with ${SET}.`],
  [410, 'HOST has no such file (410).', `Put it there, or correct the address with ${SET}.`],
  [429, 'HOST limits how often it may be asked (429).', 'Push again in some minutes.'],
  [
    500,
    'HOST failed by itself (500).',
    'Push again when it works; whoever runs HOST finds the reason in its log.',
  ],
  [
    503,
    'HOST failed by itself (503).',
    'Push again when it works; whoever runs HOST finds the reason in its log.',
  ],
  [
    204,
    'HOST answered neither with the file nor with a refusal (204).',
    `Set an address that answers 200 and the file with ${SET}.`,
  ],
  [
    304,
    'HOST answered neither with the file nor with a refusal (304).',
    `Set an address that answers 200 and the file with ${SET}.`,
  ],
] as const) {
  test(`an answer of ${status} is told, and its body is not`, async t => {
    const { uri, requests } = await serve(t, (_, outgoing) => {
      outgoing.writeHead(status, { 'www-authenticate': 'Basic realm="hunter2"' })
      outgoing.end(status === 204 || status === 304 ? undefined : `hunter2 ${FILE}`)
    })
    t.deepEqual(await problemOf(t, uri), failed(saw, hint))
    t.is(requests.length, 1)
  })
}

test('a web page is told', async t => {
  const { uri } = await serve(t, (_, outgoing) => {
    outgoing.setHeader('content-type', 'Text/HTML; charset=utf-8')
    outgoing.end('<html>hunter2</html>')
  })
  t.deepEqual(
    await problemOf(t, uri),
    failed(
      'HOST answered with a web page (text/html), perhaps one to log in.',
      `Set the address of the file itself, as it can be had without a login, with ${SET}.`,
    ),
  )
})

const TOO_LARGE = failed(
  'The file has more than 1000 bytes.',
  'Keep only config.json in it, or docker.tar.gz with only that inside.',
)

test('a file may hold the most that is allowed, and not one byte more', async t => {
  const { uri } = await serve(t, (incoming, outgoing) =>
    outgoing.end('x'.repeat(incoming.url?.includes('more') ? 1001 : 1000)),
  )
  t.is((await fetchFile(uri)).length, 1000)
  t.deepEqual(await problemOf(t, new URL(`${uri.href}&more`)), TOO_LARGE)
})

test('a file without end is read to the limit only, without a Content-Length as well', async t => {
  let closed: () => void
  const left = new Promise<void>(resolve => {
    closed = resolve
  })
  const { uri } = await serve(t, (_, outgoing) => {
    const more = () => {
      while (!outgoing.destroyed && outgoing.write('x'.repeat(500)));
    }
    outgoing.on('drain', more).on('close', () => closed())
    more()
  })
  t.deepEqual(await problemOf(t, uri), TOO_LARGE)
  await left
  t.pass('the connection was closed')
})

test('a server that announces more than it may is not read to its end', async t => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n'
  t.deepEqual(await problemOf(t, await serveBytes(t, head + 'x'.repeat(2000), true)), TOO_LARGE)
})

test('a server that sends less than it announced cut the connection', async t => {
  const uri = await serveBytes(t, `HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n${FILE}`)
  t.is((await problemOf(t, uri)).saw, 'HOST cut the connection (ECONNRESET).')
})

test('of a server that sends more than it announced, what it announced is read', async t => {
  const uri = await serveBytes(t, `HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n${FILE}${'x'.repeat(5000)}`)
  t.is((await fetchFile(uri)).toString(), FILE)
})

test('a server that cuts the connection at once is told', async t => {
  const { uri } = await serve(t, (_, outgoing) => outgoing.socket?.destroy())
  t.is((await problemOf(t, uri)).saw, 'HOST cut the connection (ECONNRESET).')
})

test('what is no HTTP is told, and not repeated', async t => {
  t.regex(
    (await problemOf(t, await serveBytes(t, 'SSH-2.0-hunter2\r\n'))).saw ?? '',
    /^HOST does not answer in HTTP \(HPE_\w+\)\.$/,
  )
  const headers = `HTTP/1.1 200 OK\r\nX: ${'hunter2'.repeat(20_000)}`
  t.is(
    (await problemOf(t, await serveBytes(t, headers, true))).saw,
    'HOST does not answer in HTTP (HPE_HEADER_OVERFLOW).',
  )
})

test('what is compressed stays so: a few bytes cannot become many', async t => {
  const bomb = gzipSync(Buffer.alloc(500_000))
  for (const encoding of ['gzip', 'X-GZIP', 'identity', undefined]) {
    const { uri } = await serve(t, (_, outgoing) => {
      if (encoding !== undefined) outgoing.setHeader('content-encoding', encoding)
      outgoing.end(bomb)
    })
    t.deepEqual(await fetchFile(uri), bomb)
  }
})

test('another compression than that of the file itself is told', async t => {
  const { uri } = await serve(t, (_, outgoing) => {
    outgoing.setHeader('content-encoding', 'br')
    outgoing.end('hunter2')
  })
  t.deepEqual(
    await problemOf(t, uri),
    failed(
      'HOST compressed the file for the journey, though it was asked not to.',
      'Ask whoever runs HOST to serve the file as it is.',
    ),
  )
})

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect (${status}) within the same server is followed, three times at most`, async t => {
    const { uri, requests } = await serve(t, (incoming, outgoing) => {
      const hop = Number(/hop=(\d)/.exec(incoming.url ?? '')?.[1] ?? 0)
      if (hop === 3) return outgoing.end(FILE)
      outgoing.writeHead(status, { location: `../moved?hop=${hop + 1}` }).end('not this')
    })
    t.is((await fetchFile(uri)).toString(), FILE)
    t.deepEqual(
      requests.map(({ url }) => url),
      [`/team/config.json?${SECRET}`, '/moved?hop=1', '/moved?hop=2', '/moved?hop=3'],
    )
    t.true(requests.every(({ headers }) => headers.referer === undefined))
  })
}

test('redirects in a circle end', async t => {
  const { uri, requests } = await serve(t, (incoming, outgoing) =>
    outgoing.writeHead(302, { location: incoming.url }).end(),
  )
  t.deepEqual(
    await problemOf(t, uri),
    failed('HOST redirects more than 3 times.', `Set the address where the file really is with ${SET}.`),
  )
  t.is(requests.length, 4)
})

test('a redirect to another host is refused, and that host gets no request', async t => {
  const other = await serve(t, (_, outgoing) => outgoing.end(FILE))
  const connections: unknown[] = []
  const plain = await listen(
    t,
    createPlainServer((_, outgoing) => outgoing.end(FILE)).on('connection', socket =>
      connections.push(socket),
    ),
  )
  const { uri } = await serve(t, (incoming, outgoing) =>
    outgoing.writeHead(307, { location: incoming.url?.split('to=')[1] }).end(),
  )
  const port = new URL(uri).port
  for (const [location, origin] of [
    [`https://${other.host}/a/hunter2?hunter2#hunter2`, `https://${other.host}`],
    [`//${other.host}/hunter2`, `https://${other.host}`],
    [`http://${plain}/hunter2`, `http://${plain}`],
    [`http://127.0.0.1:${port}/`, `http://127.0.0.1:${port}`],
    [`https://localhost:${port}/`, `https://localhost:${port}`],
    ['https://169.254.169.254/latest/', 'https://169.254.169.254'],
  ] as const) {
    const problem = withText(
      await problemOf(t, new URL(`${uri.href}&to=${location}`.replace('#', '%23'))),
      origin.replace(uri.host, 'HOST'),
      'OTHER',
    )
    t.deepEqual(
      problem,
      failed(
        'HOST redirects to OTHER (307), and only redirects to https://HOST itself are followed.',
        `If the file is meant to come from OTHER, set its address there with ${SET}.`,
      ),
    )
  }
  t.deepEqual(other.requests, [])
  t.deepEqual(connections, [])
})

test('a redirect to a login, to nowhere or to no web address is refused', async t => {
  for (const location of [
    'https://robot:hunter2@SELF/x',
    'https://robot@SELF/x',
    'file:///etc/passwd',
    'data:,hunter2',
    'https://',
    undefined,
  ]) {
    const { uri, host, requests } = await serve(t, (_, outgoing) =>
      outgoing
        .writeHead(302, location === undefined ? {} : { location: location.replace('SELF', host) })
        .end(),
    )
    t.deepEqual(
      await problemOf(t, uri),
      failed(
        'HOST redirects to something that is no address without a login (302).',
        `Ask whoever runs HOST, or set another address with ${SET}.`,
      ),
      location,
    )
    t.is(requests.length, 1)
  }
})

const LATE = failed('The whole file did not come within 0.2 s.', 'Push again when HOST answers faster.')

test('a server that never answers, or not to the end, costs the deadline and no more', async t => {
  const { uri } = await serve(t, () => {})
  t.deepEqual(await problemOf(t, uri, { deadline: 200 }), LATE)
  const half = await serveBytes(t, `HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n${FILE}`, true)
  t.deepEqual(await problemOf(t, half, { deadline: 200 }), LATE)
  const silent = createSocketServer(socket => t.teardown(() => socket.destroy()))
  const host = await listen(t, silent)
  const mute = new URL(`https://${host}/team/config.json?${SECRET}`)
  t.deepEqual(await problemOf(t, mute, { deadline: 200 }), LATE)
})

test('the deadline counts for all redirects together', async t => {
  const { uri } = await serve(t, (incoming, outgoing) => {
    setTimeout(() => outgoing.writeHead(302, { location: incoming.url }).end(), 150)
  })
  t.deepEqual(await problemOf(t, uri, { deadline: 200 }), LATE)
})

test('an abort ends the download with its reason, and the connection with it', async t => {
  const controller = new AbortController()
  const reason = new Error('the one who asked left')
  let gone: () => void
  const closed = new Promise<void>(resolve => {
    gone = resolve
  })
  const { uri } = await serve(t, (_, outgoing) => {
    outgoing.on('close', () => gone())
    outgoing.write('{')
    controller.abort(reason)
  })
  t.is(await t.throwsAsync(fetchFile(uri, { signal: controller.signal })), reason)
  await closed
})
