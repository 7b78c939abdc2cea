// Credentials for registries that are kept for an app, an environment or a stack.
import type { DatabaseSync } from 'node:sqlite'
import type { App } from '../domain/app.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'
import type { RegistryScope } from '../domain/registry-scope.ts'
import { Secret } from '../domain/secret.ts'
import { now, statement, transaction } from './database.ts'
import { placeOf } from './places.ts'
import type { Vault } from './vault.ts'

export type StoredAuth = Omit<RegistryAuth, 'source'>

/** What may be shown of one. */
export interface ListedCredential {
  readonly host: string
  readonly path: string
  readonly kind: RegistryAuth['kind']
  readonly username: string
  readonly actor: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

type Kind = RegistryScope['kind']
type Owner = number | string
type Unsealed = Pick<RegistryAuth, 'host' | 'path' | 'kind' | 'username'>
type Row = Unsealed & { readonly sealed: Uint8Array }

/** The nearest to the app first. */
const COLUMNS = { app: 'app_id', environment: 'environment_id', stack: 'stack' } as const
const KINDS = Object.keys(COLUMNS) as Kind[]

const ownerOf = (scope: RegistryScope): Owner => (scope.kind === 'stack' ? scope.name : scope.id)

export function registryCredentialRows(db: DatabaseSync, vault: Vault, gatewayId: string) {
  const statements = (column: (typeof COLUMNS)[Kind]) => ({
    ofHost: statement<Row>(
      db,
      `SELECT host, path, kind, username, sealed FROM registry_credentials
       WHERE ${column} = ? AND host = ? ORDER BY path`,
    ),
    all: statement<ListedCredential>(
      db,
      `SELECT host, path, kind, username, actor, created_at AS "createdAt" FROM registry_credentials
       WHERE ${column} = ? ORDER BY host, path`,
    ),
    insert: statement(
      db,
      `INSERT INTO registry_credentials (${column}, host, path, kind, username, sealed, actor, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    remove: statement(db, `DELETE FROM registry_credentials WHERE ${column} = ? AND host = ? AND path = ?`),
    removeHost: statement(db, `DELETE FROM registry_credentials WHERE ${column} = ? AND host = ?`),
  })
  const of = {
    app: statements(COLUMNS.app),
    environment: statements(COLUMNS.environment),
    stack: statements(COLUMNS.stack),
  }
  const place = (kind: Kind, owner: Owner, auth: Unsealed) =>
    placeOf(gatewayId, 'registry credential', kind, owner, auth.host, auth.path, auth.kind, auth.username)

  /** Field by field: a host may have hundreds, for as many paths, and copying each whole takes most of the time. */
  const toAuth = (scope: Kind, owner: Owner, { host, path, kind, username, sealed }: Row): StoredAuth => {
    const bound = () => place(scope, owner, { host, path, kind, username })
    // For the same reason nothing is decrypted before it is to be used.
    const plain = () => vault.open(Buffer.from(sealed), bound(), 'registry credential')
    return { host, path, kind, username, password: new Secret(plain) }
  }

  return {
    /**
     * What the app may use for that host: its own, its environment's, its stack's; of each scope by path.
     * A password that was changed or moved in the database throws the Problem `internal` when it is revealed.
     * @param only that scope, where the others are not wanted
     */
    forHost(app: App, host: string, only?: Kind): { scope: Kind; auth: StoredAuth }[] {
      const owners = { app: app.id, environment: app.environmentId, stack: app.stack }
      return (only === undefined ? KINDS : [only]).flatMap(scope => {
        const rows = of[scope].ofHost.all(owners[scope], host)
        return rows.map(row => ({ scope, auth: toAuth(scope, owners[scope], row) }))
      })
    },
    /** By host and path. */
    list: (scope: RegistryScope): ListedCredential[] =>
      of[scope.kind].all.all(ownerOf(scope)).map(row => ({ ...row })),
    /** All or none; one of the same host and path is replaced. */
    put(scope: RegistryScope, auths: readonly StoredAuth[], actor: string): void {
      const { insert, remove } = of[scope.kind]
      const owner = ownerOf(scope)
      transaction(db, () => {
        for (const auth of auths) {
          const { host, path, kind, username, password } = auth
          const sealed = vault.seal(password.reveal(), place(scope.kind, owner, auth))
          remove.run(owner, host, path)
          insert.run(owner, host, path, kind, username, sealed, actor, now())
        }
      })
    },
    /** @param path null: those of every path; '' is the one for all of the host. @returns how many went */
    remove(scope: RegistryScope, host: string, path: string | null): number {
      const { remove, removeHost } = of[scope.kind]
      return path === null ? removeHost.run(ownerOf(scope), host) : remove.run(ownerOf(scope), host, path)
    },
  }
}
