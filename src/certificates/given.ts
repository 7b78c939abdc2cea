// A certificate as somebody gives it: a PEM file with the chain, the endpoint's own certificate first, and its key.
// What comes out is written anew from what was read, so that nothing else in the file reaches the router.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Certificate } from '../domain/certificate.ts'
import type { Hostname } from '../domain/endpoint.ts'
import { Secret } from '../domain/secret.ts'

/** Why it cannot be used, and what to do: both are whole sentences. */
export class Unfit {
  readonly saw: string
  readonly hint: string
  constructor(saw: string, hint: string) {
    this.saw = saw
    this.hint = hint
  }
}

/** Characters; a chain of ten with keys of 4096 bits has a third of it. */
const MOST = 65_536
const MOST_IN_CHAIN = 10
/** Milliseconds by which our clock may be behind that of the authority. */
const SKEW = 300_000
const LEAST_RSA_BITS = 2048
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const WHOLE = 'Give one PEM file: the certificate, those of its issuers in order, and its private key.'

/** @param source see `Certificate` */
export function readGiven(pem: Secret, hostname: Hostname, source: string, now: Date): Certificate | Unfit {
  const text = pem.reveal()
  if (text.length > MOST) return new Unfit(`It has more than ${MOST} characters.`, WHOLE)
  const chain = readChain(text)
  if (chain instanceof Unfit) return chain
  const key = readKey(text)
  if (key instanceof Unfit) return key
  const [leaf] = chain
  const fault = keyFault(chain, key) ?? orderFault(chain) ?? leafFault(leaf, hostname, now)
  if (fault !== null) return fault
  return {
    chain: chain.map(each => `${each.toString().trim()}\n`).join(''),
    key: new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString()),
    notBefore: leaf.validFromDate.toISOString(),
    notAfter: leaf.validToDate.toISOString(),
    source,
  }
}

type Chain = readonly [X509Certificate, ...X509Certificate[]]

function readChain(text: string): Chain | Unfit {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) {
    return new Unfit('It holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).', WHOLE)
  }
  if (blocks.length > MOST_IN_CHAIN) {
    return new Unfit(`It holds ${blocks.length} certificates, more than a chain has.`, WHOLE)
  }
  const chain: X509Certificate[] = []
  for (const block of blocks) {
    try {
      chain.push(new X509Certificate(block))
    } catch {
      const which = `number ${chain.length + 1} of ${blocks.length}`
      return new Unfit(`It holds a certificate that cannot be read: ${which}.`, WHOLE)
    }
  }
  return chain as [X509Certificate, ...X509Certificate[]]
}

function readKey(text: string): KeyObject | Unfit {
  const blocks = text.match(/-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]*?-----END \1PRIVATE KEY-----/g) ?? []
  const [block, second] = blocks
  if (block === undefined) {
    return new Unfit('It holds no private key in PEM form (-----BEGIN PRIVATE KEY-----).', WHOLE)
  }
  if (second !== undefined)
    return new Unfit(`It holds ${blocks.length} private keys.`, 'Leave only its own in it.')
  if (block.startsWith('-----BEGIN ENCRYPTED ') || /^Proc-Type:.*ENCRYPTED/m.test(block)) {
    return new Unfit(
      'Its private key has a passphrase.',
      'Take it off (`openssl pkey -in KEY -out PLAIN`); the gateway keeps the key encrypted.',
    )
  }
  let key: KeyObject
  try {
    key = createPrivateKey(block)
  } catch {
    return new Unfit('Its private key cannot be read.', WHOLE)
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa' && (details?.modulusLength ?? 0) < LEAST_RSA_BITS) {
    const bits = details?.modulusLength ?? 0
    return new Unfit(
      `Its RSA key has ${bits} bits.`,
      `Have one made with ${LEAST_RSA_BITS} or more, or with ECDSA P-256.`,
    )
  }
  return type === 'rsa' || type === 'ec'
    ? key
    : new Unfit(
        `Its key is of a kind that browsers do not take (${type}).`,
        'Have one made with ECDSA P-256 or RSA.',
      )
}

function keyFault([leaf, ...issuers]: Chain, key: KeyObject): Unfit | null {
  if (leaf.checkPrivateKey(key)) return null
  return issuers.some(each => each.checkPrivateKey(key))
    ? new Unfit('The certificate of its private key does not stand first.', WHOLE)
    : new Unfit(
        'Its private key does not belong to its certificate.',
        'Give the key that the certificate was made for.',
      )
}

function orderFault(chain: Chain): Unfit | null {
  const stray = chain.findIndex((each, i) => {
    const issuer = chain[i + 1]
    return issuer !== undefined && !(each.checkIssued(issuer) && each.verify(issuer.publicKey))
  })
  return stray === -1
    ? null
    : new Unfit(`Its certificate number ${stray + 1} was not signed by number ${stray + 2}.`, WHOLE)
}

function leafFault(leaf: X509Certificate, hostname: Hostname, now: Date): Unfit | null {
  const [begin, end] = [leaf.validFromDate, leaf.validToDate]
  if (leaf.checkHost(hostname, { subject: 'never', partialWildcards: false }) === undefined) {
    const names = dnsNames(leaf)
    return new Unfit(
      names === '' ? 'It names no hosts (subjectAltName).' : `It is for ${names}.`,
      `Have one made that names ${hostname}.`,
    )
  }
  // Undefined for a certificate that leaves its use open, although the types have it always there.
  const uses = leaf.keyUsage as readonly string[] | undefined
  if (uses !== undefined && !uses.includes(SERVER_AUTH)) {
    return new Unfit(
      'It is not made for servers (no TLS web server authentication).',
      `Have one made for a server, that names ${hostname}.`,
    )
  }
  if (end <= now) return new Unfit(`It ended on ${day(end)}.`, 'Have it renewed, and give the new one.')
  if (begin.getTime() - SKEW > now.getTime()) {
    return new Unfit(`It is not valid before ${day(begin)}.`, 'Give it then, or check the clock here.')
  }
  return null
}

/** Of a stranger's making, so only names that look like names, and a few. */
function dnsNames({ subjectAltName = '' }: X509Certificate): string {
  const names = [...subjectAltName.matchAll(/(?:^|, )DNS:([A-Za-z0-9.*_-]{1,253})(?=,|$)/g)].map(
    ([, name]) => name,
  )
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
