// Certificates of hostnames: looked at before HAProxy sees them, since one that it cannot read would keep it from
// starting again.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { Problem } from '../domain/problem.ts'
import type { Secret } from '../domain/secret.ts'

const BLOCK = /-----BEGIN ((?:[A-Z0-9]+ )*[A-Z0-9]+)-----\n((?:[A-Za-z0-9+/=]+\n)+)-----END \1-----/g

/**
 * The lines of a chain and its key, and nothing else: no blank line, which would end what HAProxy is handed.
 *
 * @throws Problem `router-failed`; its text holds nothing of the key
 */
export function pemLines(hostname: string, pem: Secret): readonly string[] {
  const text = pem.reveal().replaceAll('\r\n', '\n')
  const blocks = [...text.matchAll(BLOCK)]
  if (text.replace(BLOCK, '').trim() !== '')
    throw refused(hostname, 'It holds something besides blocks in PEM form.')
  const isKey = ([, label = '']: RegExpExecArray) => /^(?:RSA |EC )?PRIVATE KEY$/.test(label)
  const certificates = blocks.filter(([, label]) => label === 'CERTIFICATE')
  const keys = blocks.filter(isKey)
  const [leaf] = certificates
  const [key] = keys
  if (leaf === undefined || key === undefined || keys.length + certificates.length !== blocks.length) {
    throw refused(hostname, 'It has to hold certificates and one private key.')
  }
  if (keys.length !== 1) throw refused(hostname, 'It holds more than one private key.')
  if (!belongTogether(leaf[0], key[0], certificates)) {
    throw refused(hostname, 'It cannot be read, or its key is not the one of its first certificate.')
  }
  return [...certificates, key].flatMap(([block]) => block.split('\n'))
}

function belongTogether(leaf: string, key: string, chain: readonly RegExpExecArray[]): boolean {
  try {
    for (const [certificate] of chain) new X509Certificate(certificate)
    return new X509Certificate(leaf).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

function refused(hostname: string, saw: string): Problem {
  return new Problem('router-failed', {
    headline: `The certificate for ${hostname} cannot be used`,
    saw,
    hint: 'Give the chain in PEM form, the certificate of the hostname first, and then its private key.',
  })
}
