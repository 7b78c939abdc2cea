// A certificate as the router is handed it, and by what it is known again.
import { X509Certificate } from 'node:crypto'
import type { Hostname } from '../../src/domain/endpoint.ts'
import { makeCertificate } from './certificate.ts'

export interface CertificateOf {
  readonly hostname: Hostname
  /** The chain, leaf first, then its key. */
  readonly pem: string
  /** SHA-256. */
  readonly fingerprint: string
}

/** Another one at every call. */
export function certificateFor(hostname: Hostname): CertificateOf {
  const { cert, key } = makeCertificate(`DNS:${hostname}`)
  return { hostname, pem: cert + key, fingerprint: new X509Certificate(cert).fingerprint256 }
}
