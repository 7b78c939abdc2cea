// Public keys of members. A key belongs to one member only: it says who logs in.
import type { DatabaseSync } from 'node:sqlite'
import { now, orTaken, statement } from './database.ts'

export interface NewKey {
  /** `SHA256:…` */
  readonly fingerprint: string
  /** `ssh-ed25519` */
  readonly type: string
  /** The key in SSH's wire format. */
  readonly blob: Buffer
  readonly comment: string
}

export interface StoredKey {
  readonly fingerprint: string
  readonly type: string
  readonly comment: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export function keyRows(db: DatabaseSync) {
  const insert = statement(
    db,
    'INSERT INTO keys (fingerprint, member_id, type, blob, comment, created_at) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const remove = statement(db, 'DELETE FROM keys WHERE member_id = ? AND fingerprint = ?')
  const select = statement<StoredKey>(
    db,
    `SELECT fingerprint, type, comment, created_at AS "createdAt" FROM keys
     WHERE member_id = ? ORDER BY created_at, fingerprint`,
  )
  return {
    /** @throws Problem `name-taken`, which does not say whose the key is */
    add(memberId: number, key: NewKey): void {
      orTaken(`The key ${key.fingerprint} is registered already`, 'Add another key.', () =>
        insert.run(key.fingerprint, memberId, key.type, key.blob, key.comment, now()),
      )
    },
    /** @returns whether the member had that key */
    remove: (memberId: number, fingerprint: string): boolean => remove.run(memberId, fingerprint) > 0,
    /** Oldest first. */
    list: (memberId: number): StoredKey[] => select.all(memberId).map(row => ({ ...row })),
  }
}
