// Certificates for TLS servers in tests, made by openssl.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestCertificate {
  /** PEM. What `makeCertificate` makes is its own authority. */
  readonly cert: string
  readonly key: string
}

export interface TestAuthority {
  /** PEM: what has to be trusted. */
  readonly cert: string
  /** @param names as in subjectAltName: `IP:127.0.0.1`, `DNS:localhost` */
  issue(names: string): TestCertificate
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** @param names as in subjectAltName: `IP:127.0.0.1`, `DNS:localhost` */
export function makeCertificate(names: string): TestCertificate {
  return inDirectory(directory => selfSigned(directory, `subjectAltName=${names}`))
}

/** An authority of our own, as a company has one that no system knows. */
export function makeAuthority(): TestAuthority {
  const authority = inDirectory(directory => selfSigned(directory, 'keyUsage=keyCertSign'))
  return {
    cert: authority.cert,
    issue: names =>
      inDirectory(directory => {
        const file = (name: string) => join(directory, name)
        writeFileSync(file('ca.pem'), authority.cert)
        writeFileSync(file('ca-key.pem'), authority.key, { mode: 0o600 })
        writeFileSync(file('extensions'), `subjectAltName=${names}\n`)
        const request = ['-subj', '/CN=issued in a test', '-keyout', file('key.pem'), '-out', file('csr.pem')]
        openssl(['req', ...NEW_KEY, ...request])
        const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca-key.pem'), '-CAcreateserial', '-days', '2']
        const input = ['-in', file('csr.pem'), '-extfile', file('extensions'), '-out', file('cert.pem')]
        openssl(['x509', '-req', ...signer, ...input])
        return { cert: readFileSync(file('cert.pem'), 'utf8'), key: readFileSync(file('key.pem'), 'utf8') }
      }),
  }
}

function selfSigned(directory: string, extension: string): TestCertificate {
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const subject = ['-subj', '/CN=fairlead test', '-addext', extension, '-days', '2']
  openssl(['req', '-x509', ...NEW_KEY, ...subject, '-keyout', key, '-out', cert])
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}

function inDirectory<T>(make: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-certificate-'))
  try {
    return make(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
