// A file of credentials that lies at an address of its own and is fetched anew for each deploy.
//
// Invariant: the query of an address can be what gives access (a signed address), so it is a secret. Only
// describeUri() makes text of an address.
import type { CredentialSource } from '../../domain/keychain.ts'
import { Problem } from '../../domain/problem.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'
import type { Secret } from '../../domain/secret.ts'
import { readCredentialFile } from '../credential-file.ts'

const COMMAND = 'fairlead registry:uri'
/** Characters. Signed addresses have up to about 3,000. */
const LONGEST = 8192

/**
 * @param fetchFile @throws Problem `registry-uri-failed`
 * @param signal of the deploy that the source is made for
 */
export function uriSource(
  uri: Secret | null,
  fetchFile: (uri: URL, signal: AbortSignal) => Promise<Buffer>,
  signal: AbortSignal,
): CredentialSource {
  if (uri === null) return { name: 'registry:uri', isSet: false, read: async () => [] }
  const url = parseRegistryUri(uri.reveal())
  const file = describeUri(url)
  const name = `registry:uri ${file}`
  const fetchAll = async () => readCredentialFile(await fetchFile(url, signal), { source: name, file })
  let fetched: Promise<readonly RegistryAuth[]> | undefined
  return {
    name,
    isSet: true,
    async read(host) {
      // Once for all images of a deploy, so that they are all asked for with the same file.
      fetched ??= fetchAll()
      return (await fetched).filter(auth => auth.host === host)
    },
  }
}

/** For messages and lists: without the query. */
export function describeUri(uri: URL): string {
  return `${uri.protocol}//${uri.host}${uri.pathname}`
}

/**
 * An absolute `file:///…` or `https://…` address. What the URL parser would silently repair is refused.
 * @throws Problem `usage`, which repeats nothing of the text but a host and a path
 */
export function parseRegistryUri(text: string): URL {
  if (text.length > LONGEST) {
    throw refused(
      `It has ${text.length} characters, and ${LONGEST} are the most.`,
      'Name a shorter address of the file',
    )
  }
  if (/[\x00-\x20\x7f\\]/.test(text)) {
    throw refused(
      'It holds a space, a backslash or a control character.',
      'Write those percent-encoded (a space is %20)',
    )
  }
  const scheme = /^([a-z]+):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'file') return parseFile(text)
  if (scheme === 'https') return parseHttps(text)
  if (scheme === 'http') {
    throw refused(
      'http:// carries the file, and every password in it, in the clear.',
      'Serve the file over https',
    )
  }
  throw refused('It begins with neither file:/// nor https://.', 'Name the address in full')
}

function parseHttps(text: string): URL {
  const url = /^https:\/\/[^/]/i.test(text) ? URL.parse(text) : null
  if (url === null) throw refused('It names no host.', 'Name the address in full')
  if (/^https:\/\/[^/?#]*@/i.test(text)) {
    throw new Problem('usage', {
      headline: `The address https://${url.host}${url.pathname} holds a login`,
      saw: 'A user or password before the host is seen in the history of the shell, in lists of processes and in the logs of proxies.',
      hint: `Change that password, since it was sent here. Then use an address that is signed in its query or needs no login, or store the registry's login itself with \`fairlead registry:login\`.`,
    })
  }
  if (text.includes('#')) {
    throw refused('The part after # never reaches the server.', 'Leave it out, or write # as %23')
  }
  return url
}

function parseFile(text: string): URL {
  const path = /^file:\/\/(?:localhost)?(\/.*)$/i.exec(text)?.[1]
  const url = path === undefined ? null : URL.parse(`file://${path}`)
  if (path === undefined || url === null) {
    throw refused('A file: address names no host: the file lies with the gateway.', 'Write three slashes')
  }
  if (/[?#]/.test(path)) {
    throw refused('A file has no query and no fragment.', 'Write ? as %3F and # as %23')
  }
  // Of the text, since the parser resolves `..` in all its spellings.
  const segments = path.split('/').map(decoded)
  if (segments.includes(null)) {
    throw refused('It holds a % that begins no encoded character.', 'Write % as %25')
  }
  if (segments.some(each => each === '.' || each === '..' || /[/\0]/.test(each ?? ''))) {
    throw refused('Its path holds `.` or `..`, or an encoded slash or NUL.', 'Name the path without detours')
  }
  return url
}

/** Null when it is no percent-encoded UTF-8. */
function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    return null
  }
}

function refused(saw: string, advice: string): Problem {
  return new Problem('usage', {
    headline: 'This address cannot be used for a file of credentials',
    saw,
    hint: `${advice}: \`${COMMAND} https://…\` or \`${COMMAND} file:///…\`.`,
  })
}
