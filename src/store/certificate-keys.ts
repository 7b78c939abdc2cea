// The keys that certificates are got with: that of the gateway's own authority, and those of its ACME accounts. Lying
// beside the certificates, they are in the same backup and under the same master key.
import type { DatabaseSync } from 'node:sqlite'
import { Secret } from '../domain/secret.ts'
import { now, statement } from './database.ts'
import { placeOf } from './places.ts'
import type { Vault } from './vault.ts'

export interface AuthorityKey {
  /** PEM. */
  readonly certificate: string
  /** PEM (PKCS #8). */
  readonly key: Secret
}

export interface AcmeAccount {
  /** The account's address at the authority. */
  readonly url: string
  readonly email: string
  /** PEM (PKCS #8). */
  readonly key: Secret
}

export function certificateKeyRows(db: DatabaseSync, vault: Vault, gatewayId: string) {
  const selectAuthority = statement<{ certificate: string; sealed: Uint8Array }>(
    db,
    'SELECT certificate, sealed FROM certificate_authority WHERE id = 1',
  )
  const insertAuthority = statement(
    db,
    'INSERT OR IGNORE INTO certificate_authority (id, certificate, sealed, created_at) VALUES (1, ?, ?, ?)',
  )
  const selectAccount = statement<{ url: string; email: string; sealed: Uint8Array }>(
    db,
    'SELECT url, email, sealed FROM acme_accounts WHERE directory = ?',
  )
  const upsertAccount = statement(
    db,
    'INSERT OR REPLACE INTO acme_accounts (directory, url, email, sealed, created_at) VALUES (?, ?, ?, ?, ?)',
  )
  const placeOfAuthority = (certificate: string) => placeOf(gatewayId, 'authority', certificate)
  const placeOfAccount = (directory: string) => placeOf(gatewayId, 'acme account', directory)

  return {
    authority(): AuthorityKey | null {
      const row = selectAuthority.get()
      if (row === undefined) return null
      const place = placeOfAuthority(row.certificate)
      const key = vault.open(Buffer.from(row.sealed), place, 'key of the authority')
      return { certificate: row.certificate, key: new Secret(key) }
    },
    /** The first one stays: whoever trusts it would have to be told of another. */
    keepAuthority({ certificate, key }: AuthorityKey): void {
      insertAuthority.run(certificate, vault.seal(key.reveal(), placeOfAuthority(certificate)), now())
    },
    account(directory: string): AcmeAccount | null {
      const row = selectAccount.get(directory)
      if (row === undefined) return null
      const key = vault.open(Buffer.from(row.sealed), placeOfAccount(directory), 'key of an ACME account')
      return { url: row.url, email: row.email, key: new Secret(key) }
    },
    keepAccount(directory: string, { url, email, key }: AcmeAccount): void {
      upsertAccount.run(directory, url, email, vault.seal(key.reveal(), placeOfAccount(directory)), now())
    },
  }
}
