// The gateway's own authority: it signs for names that no public one does, and for whoever trusts it. ECDSA P-256.
import 'reflect-metadata'
import { createPrivateKey, randomBytes, type webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { Certificate } from '../domain/certificate.ts'
import type { Hostname } from '../domain/endpoint.ts'
import { Secret } from '../domain/secret.ts'
import type { AuthorityKey } from '../store/certificate-keys.ts'

const DAY = 86_400_000
const AUTHORITY_DAYS = 3650
const LEAF_DAYS = 90
/** Milliseconds by which the clock of a client may be behind ours. */
const SKEW = 300_000
/** Characters of a common name (X.520). A longer hostname stands in the alternative names only, where clients look. */
const MOST_COMMON_NAME = 64

const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const

/** @param name by which people tell it from others in their list of authorities */
export async function makeAuthority(name: string, now: Date): Promise<AuthorityKey> {
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [name] }],
    notBefore: new Date(now.getTime() - SKEW),
    notAfter: new Date(now.getTime() + AUTHORITY_DAYS * DAY),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      // It signs certificates of endpoints, and no further authorities.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: pem(certificate), key: await exportKey(keys.privateKey) }
}

/** A certificate for that hostname alone, with a key of its own. */
export async function issue(authority: AuthorityKey, hostname: Hostname, now: Date): Promise<Certificate> {
  const issuer = new X509Certificate(authority.certificate)
  const keys = await newKeys()
  const notBefore = new Date(now.getTime() - SKEW)
  const notAfter = new Date(Math.min(now.getTime() + LEAF_DAYS * DAY, issuer.notAfter.getTime()))
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    issuer: issuer.subjectName,
    subject: hostname.length <= MOST_COMMON_NAME ? [{ CN: [hostname] }] : [],
    notBefore,
    notAfter,
    signingAlgorithm: SIGNING,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      // Without a subject, the names have to be critical (RFC 5280, section 4.2.1.6).
      new SubjectAlternativeNameExtension(
        [{ type: 'dns', value: hostname }],
        hostname.length > MOST_COMMON_NAME,
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return {
    chain: pem(certificate),
    key: await exportKey(keys.privateKey),
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
    source: 'internal',
  }
}

/** 127 random bits: positive in ASN.1 and never shortened, so that no two are alike. */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(EC, true, ['sign', 'verify'])
}

async function exportKey(key: webcrypto.CryptoKey): Promise<Secret> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key))
  const object = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return new Secret(object.export({ type: 'pkcs8', format: 'pem' }).toString())
}

function importKey(key: Secret): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(key.reveal()).export({ type: 'pkcs8', format: 'der' })
  return crypto.subtle.importKey('pkcs8', new Uint8Array(der), EC, false, ['sign'])
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`
}
