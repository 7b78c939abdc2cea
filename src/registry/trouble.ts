// No answer at all: what the socket, TLS or the HTTP parser reports, as the Problem that a person reads.
import { Problem } from '../domain/problem.ts'
import { OTHER_HOST } from './advice.ts'
import { again, notARegistry } from './failures.ts'
import { aboutWhat, asWhom, imageName, type Question } from './question.ts'

const UNREACHABLE: Readonly<Record<string, (host: string) => string>> = {
  ENOTFOUND: host => `The name ${host} is not known (ENOTFOUND)`,
  EAI_AGAIN: host => `The name ${host} could not be looked up (EAI_AGAIN)`,
  ECONNREFUSED: host => `${host} refuses the connection (ECONNREFUSED)`,
  ECONNRESET: host => `${host} cut the connection (ECONNRESET)`,
  EPIPE: host => `${host} cut the connection (EPIPE)`,
  ETIMEDOUT: host => `${host} did not answer in time (ETIMEDOUT)`,
  EHOSTUNREACH: host => `There is no way to ${host} (EHOSTUNREACH)`,
  ENETUNREACH: host => `There is no way to ${host} (ENETUNREACH)`,
}

const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not trusted here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

/** Whether a server that does not speak TLS, or nobody on that port, can be behind this error. */
export function mayBePlain(error: unknown): boolean {
  const code = codeOf(error)
  return ['ECONNREFUSED', 'ECONNRESET', 'EPROTO'].includes(code) || code.startsWith('ERR_SSL_')
}

/**
 * @param url what was spoken to: the registry, or its login service
 * @returns Problem `registry-unreachable`, `registry-tls` or `registry-failed`; null for an error that is not the network's
 */
export function networkTrouble(error: unknown, question: Question, url: URL): Problem | null {
  const code = codeOf(error)
  const reach = UNREACHABLE[code]
  if (reach !== undefined) return unreachable(question, reach(url.host), url, error)
  if (code.startsWith('HPE_')) return notARegistry(question, `${url.host} does not answer in HTTP (${code})`)

  const certificate = CERTIFICATE[code]
  if (certificate !== undefined) return untrusted(question, certificate, code, url, error)
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return untrusted(question, 'it does not speak TLS as we do', code, url, error)
  }
  if (code.startsWith('CERT_')) return untrusted(question, 'its certificate is not valid', code, url, error)
  return null
}

export function timedOut(question: Question, url: URL, seconds: number): Problem {
  return unreachable(question, `${url.host} gave no answer within ${seconds} s`, url)
}

function unreachable(question: Question, saw: string, url: URL, cause?: unknown): Problem {
  const { host } = question
  return new Problem('registry-unreachable', {
    headline: `${host} could not be asked ${aboutWhat(question)}`,
    saw: `${saw}. ${asked(question, url)}`,
    hint: `${again(question)} when ${host} answers; if that is not its name, ${correct(question)}.`,
    cause,
  })
}

function untrusted(question: Question, why: string, code: string, url: URL, cause: unknown): Problem {
  const { host, reference } = question
  return new Problem('registry-tls', {
    headline: `No safe connection to ${host}${reference === null ? '' : ` for the image ${imageName(question)}`}: ${why}`,
    saw: `TLS with ${url.host} failed (${code}). ${asked(question, url)}`,
    hint: `Ask whoever runs ${host} for a certificate that is trusted everywhere, or an operator of the gateway to trust its authority; if that is not its name, ${correct(question)}.`,
    cause,
  })
}

function correct({ reference }: Question): string {
  return reference === null ? 'correct it' : OTHER_HOST
}

function asked(question: Question, url: URL): string {
  const { reference } = question
  const what = reference === null ? '' : ` for repository ${reference.repository}`
  return `It was asked at ${url.origin}${what} ${asWhom(question)}.`
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}
