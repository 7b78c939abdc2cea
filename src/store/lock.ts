// Keeps a second gateway away from a data directory: it would take the running operations of the first for
// interrupted ones. The lock is SQLite's lock on a file of its own, so the system frees it however we end, and the
// database itself stays open to backups. The turns of operations (`deploy/turns.ts`) are in the memory of the process
// that holds it. So no lock can outlive its owner, and none needs a lease or a heartbeat.
import { Problem } from '../domain/problem.ts'
import { openPrivate } from './database.ts'

/**
 * @returns what frees the lock; to be kept, since the lock goes with it when it is forgotten
 * @throws Problem `settings-invalid` when another gateway holds it
 */
export function lockFile(path: string): () => void {
  const lock = openPrivate(path, 0)
  try {
    lock.exec('PRAGMA journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new Problem('settings-invalid', {
      headline: 'Another gateway runs on this data directory',
      saw: `${path} is locked`,
      hint: 'Stop the other gateway, or give this one a FAIRLEAD_DATA of its own.',
      cause,
    })
  }
  return () => lock.close()
}
