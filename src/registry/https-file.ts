// A file of credentials from a web server. No login and no cookie is ever sent, and no other server is asked than the
// one that the address names: the answer decides which passwords a deploy uses.
//
// Addresses of the gateway's own networks are not shut out. Teams keep such files on internal servers, and whoever
// may name an address here may name any host as a registry as well. What must not be reached that way, the metadata
// services of clouds, speaks plain HTTP and has no certificate; and of what an internal server says, only its status
// is repeated.
import { connectionFailed, uriFailed } from './download-trouble.ts'
import type { Answer, Wire } from './exchange.ts'
import { mediaTypeOf } from './words.ts'

const MOST_REDIRECTS = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Compressed files (docker.tar.gz) are announced so by some servers: nothing is unpacked, and the file is as it was. */
const AS_STORED = new Set(['', 'identity', 'gzip', 'x-gzip'])
const SET = '`fairlead registry:uri https://…`'

/** @throws Problem `registry-uri-failed`; the bare error when the wire's signal was aborted */
export async function fetchHttps(uri: URL, wire: Pick<Wire, 'send'>, maxBytes: number): Promise<Buffer> {
  let url = uri
  for (let hops = 0; ; hops++) {
    const answer = await ask(url, uri, wire, maxBytes)
    if (!REDIRECTS.has(answer.status)) return fileIn(answer, uri, maxBytes)
    if (hops === MOST_REDIRECTS) {
      throw uriFailed(
        uri,
        `${uri.host} redirects more than ${MOST_REDIRECTS} times.`,
        `Set the address where the file really is with ${SET}.`,
      )
    }
    url = redirectTarget(answer, uri)
  }
}

async function ask(url: URL, uri: URL, wire: Pick<Wire, 'send'>, limit: number): Promise<Answer> {
  try {
    return await wire.send({ method: 'GET', url, headers: { 'accept-encoding': 'identity' }, limit })
  } catch (error) {
    throw connectionFailed(error, uri) ?? error
  }
}

function redirectTarget(answer: Answer, uri: URL): URL {
  const { host, origin } = answer.url
  const url = URL.parse(answer.headers.location ?? '', answer.url.href)
  const isWeb = url !== null && /^https?:$/.test(url.protocol)
  // A login in the address would be sent as one.
  if (!isWeb || answer.headers.location === undefined || url.username !== '' || url.password !== '') {
    throw uriFailed(
      uri,
      `${host} redirects to something that is no address without a login (${answer.status}).`,
      `Ask whoever runs ${host}, or set another address with ${SET}.`,
    )
  }
  if (url.origin === origin) return url
  throw uriFailed(
    uri,
    `${host} redirects to ${url.origin} (${answer.status}), and only redirects to ${origin} itself are followed.`,
    `If the file is meant to come from ${url.origin}, set its address there with ${SET}.`,
  )
}

function fileIn(answer: Answer, uri: URL, maxBytes: number): Buffer {
  const { host } = uri
  if (answer.status !== 200) throw refusal(answer.status, uri)
  if (mediaTypeOf(answer) === 'text/html') {
    throw uriFailed(
      uri,
      `${host} answered with a web page (text/html), perhaps one to log in.`,
      `Set the address of the file itself, as it can be had without a login, with ${SET}.`,
    )
  }
  if (!AS_STORED.has((answer.headers['content-encoding'] ?? '').trim().toLowerCase())) {
    throw uriFailed(
      uri,
      `${host} compressed the file for the journey, though it was asked not to.`,
      `Ask whoever runs ${host} to serve the file as it is.`,
    )
  }
  if (answer.cut) throw tooLarge(uri, maxBytes)
  return answer.body
}

/** The body is not looked at: it may be anything, of a server that a stranger chose. */
function refusal(status: number, uri: URL) {
  const { host } = uri
  const failed = (saw: string, hint: string) => uriFailed(uri, `${saw} (${status}).`, hint)
  if (status === 401) {
    return failed(
      `${host} demands a login`,
      `No login is ever sent there: set an address that is signed in its query or needs none with ${SET}, or store the registry's login itself with \`fairlead registry:login\`.`,
    )
  }
  if (status === 403) {
    return failed(
      `${host} refuses the file`,
      `A signed address may have expired: sign a new one, and set it with ${SET}.`,
    )
  }
  if (status === 404 || status === 410) {
    return failed(`${host} has no such file`, `Put it there, or correct the address with ${SET}.`)
  }
  if (status === 429) {
    return failed(`${host} limits how often it may be asked`, 'Push again in some minutes.')
  }
  if (status >= 500) {
    return failed(
      `${host} failed by itself`,
      `Push again when it works; whoever runs ${host} finds the reason in its log.`,
    )
  }
  return failed(
    `${host} answered neither with the file nor with a refusal`,
    `Set an address that answers 200 and the file with ${SET}.`,
  )
}

function tooLarge(uri: URL, maxBytes: number) {
  return uriFailed(
    uri,
    `The file has more than ${maxBytes} bytes.`,
    'Keep only config.json in it, or docker.tar.gz with only that inside.',
  )
}
