// Everything the gateway remembers, in one directory: the database, its lock and the master key. Every call is
// synchronous, so that what is read and written between two awaits belongs together.
import { randomBytes } from 'node:crypto'
import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Room } from '../domain/diagnosis.ts'
import { activityRows } from './activity.ts'
import { appRows } from './apps.ts'
import { certificateKeyRows } from './certificate-keys.ts'
import { certificateRows } from './certificates.ts'
import { configRows } from './configs.ts'
import { now, openDatabase, statement, transaction } from './database.ts'
import { endpointRows } from './endpoints.ts'
import { environmentRows } from './environments.ts'
import { keyRows } from './keys.ts'
import { lockFile } from './lock.ts'
import { memberRows } from './members.ts'
import { networkRows } from './networks.ts'
import { operationRows } from './operations.ts'
import { passingNameRows } from './passing-names.ts'
import { registryCredentialRows } from './registry-credentials.ts'
import { registryGeneratorRows } from './registry-generators.ts'
import { registryKeyRows } from './registry-keys.ts'
import { registryUriRows } from './registry-uris.ts'
import { releaseRows } from './releases.ts'
import { sealedSample } from './sealed-sample.ts'
import { secretGrantRows } from './secret-grants.ts'
import { secretRows } from './secrets.ts'
import { serviceRows } from './services.ts'
import { openVault } from './vault.ts'

export interface Store {
  /** 12 hex characters, made at first start: by it we know our own containers and images on a shared engine. */
  readonly gatewayId: string
  readonly members: ReturnType<typeof memberRows>
  readonly keys: ReturnType<typeof keyRows>
  readonly environments: ReturnType<typeof environmentRows>
  readonly activity: ReturnType<typeof activityRows>
  readonly apps: ReturnType<typeof appRows>
  readonly configs: ReturnType<typeof configRows>
  readonly endpoints: ReturnType<typeof endpointRows>
  readonly releases: ReturnType<typeof releaseRows>
  readonly services: ReturnType<typeof serviceRows>
  readonly operations: ReturnType<typeof operationRows>
  readonly networks: ReturnType<typeof networkRows>
  readonly passingNames: ReturnType<typeof passingNameRows>
  readonly registryCredentials: ReturnType<typeof registryCredentialRows>
  readonly registryKeys: ReturnType<typeof registryKeyRows>
  readonly registryUris: ReturnType<typeof registryUriRows>
  readonly registryGenerators: ReturnType<typeof registryGeneratorRows>
  readonly secrets: ReturnType<typeof secretRows>
  readonly secretGrants: ReturnType<typeof secretGrantRows>
  readonly certificates: ReturnType<typeof certificateRows>
  readonly certificateKeys: ReturnType<typeof certificateKeyRows>
  /** All or nothing; may be nested. `fn` cannot wait for a promise. */
  transaction<T>(fn: () => T): T
  /** Writes something, to see whether that can be done. @throws what SQLite says when it cannot */
  tryWrite(): void
  /** Of the file system that its directory lies on. */
  room(): Room
  /** Closes the database and frees the directory. May be called twice. */
  close(): void
}

/**
 * @param directory made when it is missing
 * @throws Problem `settings-invalid`, `master-key-missing`, `master-key-wrong`
 */
export function openStore(directory: string): Store {
  using undo = new DisposableStack()
  undo.defer(lockFile(join(directory, 'gateway.lock')))
  const db = openDatabase(join(directory, 'fairlead.db'))
  undo.defer(() => db.close())
  const vault = openVault(join(directory, 'master.key'), () => sealedSample(db))
  const gatewayId = rememberedId(db)
  const apps = appRows(db)
  const secretGrants = secretGrantRows(db)
  const rows = {
    members: memberRows(db, secretGrants.of),
    keys: keyRows(db),
    activity: activityRows(db),
    environments: environmentRows(db),
    apps,
    configs: configRows(db, vault, gatewayId),
    endpoints: endpointRows(db),
    releases: releaseRows(db),
    services: serviceRows(db),
    operations: operationRows(db),
    networks: networkRows(db),
    passingNames: passingNameRows(db),
    registryCredentials: registryCredentialRows(db, vault, gatewayId),
    registryKeys: registryKeyRows(db, vault, gatewayId),
    registryUris: registryUriRows(db, vault, gatewayId),
    registryGenerators: registryGeneratorRows(db, vault, gatewayId),
    secrets: secretRows(db, vault, gatewayId, apps.usingSecret),
    secretGrants,
    certificates: certificateRows(db, vault, gatewayId),
    certificateKeys: certificateKeyRows(db, vault, gatewayId),
  }
  const opened = undo.move()
  return {
    gatewayId,
    ...rows,
    transaction: fn => transaction(db, fn),
    tryWrite: () => tryWrite(db),
    room() {
      const { bavail, bsize, blocks } = statfsSync(directory)
      return { directory, free: bavail * bsize, size: blocks * bsize }
    },
    close: () => opened.dispose(),
  }
}

function tryWrite(db: DatabaseSync): void {
  statement(
    db,
    `INSERT INTO meta (name, value) VALUES ('written', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1`,
  ).run(now())
}

function rememberedId(db: DatabaseSync): string {
  statement(db, `INSERT OR IGNORE INTO meta (name, value) VALUES ('gateway-id', ?)`).run(
    randomBytes(6).toString('hex'),
  )
  const row = statement<{ value: string }>(db, `SELECT value FROM meta WHERE name = 'gateway-id'`).get()
  return (row as { value: string }).value
}
