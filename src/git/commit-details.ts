// Who committed what when: the text of a commit object. Pure. Everything in it was written by whoever pushed, and
// need not even come from git.

export interface Person {
  readonly name: string
  readonly email: string
  readonly time: Date
  /** Of the person's clock: `+0200`. */
  readonly zone: string
}

export interface CommitDetails {
  readonly author: Person
  readonly committer: Person
  /** The first line of the message. */
  readonly subject: string
  /** The whole message, at most its first 64 KiB. */
  readonly message: string
}

export const MAX_MESSAGE = 64 * 1024
const MAX_TEXT = 1000
const NOBODY: Person = { name: '', email: '', time: new Date(0), zone: '+0000' }

/**
 * Reads a commit object, or its beginning. What it lacks is empty, or the year 1970. It is read as UTF-8, whatever its
 * `encoding` header says: names and tags of today are, and what is not becomes U+FFFD.
 */
export function parseCommit(object: Buffer): CommitDetails {
  // Inside a header, a signature say, an empty line begins with a blank.
  const end = object.indexOf('\n\n')
  const headers = end === -1 ? object : object.subarray(0, end)
  const message = end === -1 ? '' : decodeStart(object.subarray(end + 2), MAX_MESSAGE)
  return {
    author: personIn(headers, 'author'),
    committer: personIn(headers, 'committer'),
    subject: message.split('\n', 1)[0] ?? '',
    message,
  }
}

function personIn(headers: Buffer, header: string): Person {
  const start = headers.indexOf(`\n${header} `)
  if (start === -1) return NOBODY
  const from = start + header.length + 2
  const end = headers.indexOf('\n', from)
  return parsePerson(headers.subarray(from, end === -1 ? headers.length : end))
}

/** `Ann Example <ann@example.com> 1700000000 +0200` */
function parsePerson(line: Buffer): Person {
  const open = line.indexOf('<')
  const close = line.indexOf('>', open + 1)
  if (open === -1 || close === -1) return { ...NOBODY, name: decodeStart(line, MAX_TEXT).trim() }
  const after = line.subarray(line.lastIndexOf('>') + 1).toString('latin1', 0, 64)
  const [, seconds, zone] = /^ (-?\d{1,12}) ([+-]\d{4})(?:$|\D)/.exec(after) ?? []
  return {
    name: decodeStart(line.subarray(0, open), MAX_TEXT).trim(),
    email: decodeStart(line.subarray(open + 1, close), MAX_TEXT).trim(),
    time: new Date(Number(seconds ?? 0) * 1000),
    zone: zone ?? NOBODY.zone,
  }
}

/** At most that many bytes of it; a character that would be cut is left out. */
function decodeStart(bytes: Buffer, most: number): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return decoder.decode(bytes.subarray(0, most), { stream: bytes.length > most })
}
