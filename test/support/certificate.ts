// Certificates for TLS servers in tests, made by openssl.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestCertificate {
  /** PEM. The certificate is its own authority. */
  readonly cert: string
  readonly key: string
}

/** @param names as in subjectAltName: `IP:127.0.0.1`, `DNS:localhost` */
export function makeCertificate(names: string): TestCertificate {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-certificate-'))
  try {
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const subject = ['-subj', '/CN=fairlead test', '-addext', `subjectAltName=${names}`, '-days', '2']
    execFileSync('openssl', [...request, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
