// Why a file of credentials could not be had, as the Problem that a person reads.
//
// Invariant: no Problem here has a cause. Errors of Node quote addresses with their query (ERR_INVALID_URL) and what
// a server sent (HPE_…), and both may be secret; the code of the error is in the sentence.
import { Problem } from '../domain/problem.ts'
import { describeUri } from './sources/uri.ts'

/** @param saw what was seen, without the query of the address or anything that a server sent as text */
export function uriFailed(uri: URL, saw: string, hint: string): Problem {
  return new Problem('registry-uri-failed', {
    headline: `The registry credentials at ${describeUri(uri)} could not be fetched`,
    saw,
    hint,
  })
}

const CONNECTION: Readonly<Record<string, string>> = {
  ENOTFOUND: 'is a name that is not known',
  EAI_AGAIN: 'is a name that could not be looked up',
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'cut the connection',
  EPIPE: 'cut the connection',
}

const UNTRUSTED_AUTHORITY = 'comes from an authority that is not trusted here'
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED_AUTHORITY,
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
}

/** @returns null for an error that is not the network's */
export function connectionFailed(error: unknown, uri: URL): Problem | null {
  const code = codeOf(error)
  const { host } = uri
  const certificate = CERTIFICATE[code] ?? (code.startsWith('CERT_') ? 'is not valid' : undefined)
  if (certificate !== undefined) {
    return uriFailed(
      uri,
      `The certificate of ${host} ${certificate} (${code}).`,
      `Ask whoever runs ${host} for a certificate that is trusted everywhere, or an operator of the gateway to add its authority to the file in FAIRLEAD_REGISTRY_CA.`,
    )
  }
  const again = `Push again when ${host} answers, or correct the address with \`fairlead registry:uri https://…\`.`
  if (code === 'EPROTO' || /^ERR_(?:SSL|TLS)_/.test(code)) {
    return uriFailed(uri, `${host} does not speak TLS as we do (${code}).`, again)
  }
  if (code.startsWith('HPE_')) return uriFailed(uri, `${host} does not answer in HTTP (${code}).`, again)
  const seen = CONNECTION[code] ?? (/^E[A-Z]+$/.test(code) ? 'could not be reached' : undefined)
  return seen === undefined ? null : uriFailed(uri, `${host} ${seen} (${code}).`, again)
}

/** '' when it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}
