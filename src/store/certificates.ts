// Certificates of endpoints and why there is none, each endpoint's alone. Private keys are sealed for the very chain
// that they belong to.
import type { DatabaseSync } from 'node:sqlite'
import type { Certificate, CertificateTrouble } from '../domain/certificate.ts'
import { Secret } from '../domain/secret.ts'
import { overwriteDeleted, statement, transaction } from './database.ts'
import { placeOf } from './places.ts'
import type { Vault } from './vault.ts'

interface Row {
  chain: string
  sealed: Uint8Array
  notBefore: string
  notAfter: string
  source: string
}

export function certificateRows(db: DatabaseSync, vault: Vault, gatewayId: string) {
  const select = statement<Row>(
    db,
    `SELECT chain, sealed, not_before AS "notBefore", not_after AS "notAfter", source
     FROM certificates WHERE endpoint_id = ?`,
  )
  const upsert = statement(
    db,
    'INSERT OR REPLACE INTO certificates (endpoint_id, chain, sealed, not_before, not_after, source) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const remove = statement(db, 'DELETE FROM certificates WHERE endpoint_id = ?')
  const selectTrouble = statement<CertificateTrouble>(
    db,
    `SELECT headline, saw, hint, failures, retry_at AS "retryAt" FROM certificate_troubles WHERE endpoint_id = ?`,
  )
  const upsertTrouble = statement(
    db,
    'INSERT OR REPLACE INTO certificate_troubles (endpoint_id, headline, saw, hint, failures, retry_at) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const removeTrouble = statement(db, 'DELETE FROM certificate_troubles WHERE endpoint_id = ?')
  const place = (endpointId: number, chain: string) => placeOf(gatewayId, 'certificate', endpointId, chain)

  return {
    of(endpointId: number): Certificate | null {
      const row = select.get(endpointId)
      if (row === undefined) return null
      const { chain, sealed, notBefore, notAfter, source } = row
      const open = () => vault.open(Buffer.from(sealed), place(endpointId, chain), 'key of a certificate')
      return { chain, key: new Secret(open), notBefore, notAfter, source }
    },
    /**
     * In place of the one before; whatever the trouble was, it is over.
     * @param also another write, in the same transaction and before this one: when it throws, nothing is written
     */
    keep(endpointId: number, certificate: Certificate, also = () => {}): void {
      const { chain, key, notBefore, notAfter, source } = certificate
      const sealed = vault.seal(key.reveal(), place(endpointId, chain))
      transaction(db, () => {
        also()
        upsert.run(endpointId, chain, sealed, notBefore, notAfter, source)
        removeTrouble.run(endpointId)
      })
      overwriteDeleted(db)
    },
    /** Missing is success. */
    remove(endpointId: number): void {
      transaction(db, () => {
        removeTrouble.run(endpointId)
        remove.run(endpointId)
      })
      // Also when its endpoint has taken it along.
      overwriteDeleted(db)
    },
    trouble(endpointId: number): CertificateTrouble | null {
      const row = selectTrouble.get(endpointId)
      return row === undefined ? null : { ...row }
    },
    setTrouble(endpointId: number, { headline, saw, hint, failures, retryAt }: CertificateTrouble): void {
      upsertTrouble.run(endpointId, headline, saw, hint, failures, retryAt)
    },
  }
}
