// Generators of credentials, each with the variables of its own container.
import type { DatabaseSync } from 'node:sqlite'
import type { Generator } from '../domain/generator.ts'
import { readConfig, writeConfig } from './config-text.ts'
import { now, statement, transaction } from './database.ts'
import { placeOf } from './places.ts'
import type { Vault } from './vault.ts'

interface GeneratorRow {
  id: number
  name: string
  image: string
  sealed: Uint8Array
  ttl: number
  timeout: number
  host: string | null
  add_docker: 0 | 1
}

export function registryGeneratorRows(db: DatabaseSync, vault: Vault, gatewayId: string) {
  const selectAll = statement<GeneratorRow>(
    db,
    `SELECT id, name, image, sealed, ttl, timeout, host, add_docker FROM registry_generators
     WHERE app_id = ? ORDER BY name`,
  )
  const insert = statement<{ id: number }>(
    db,
    `INSERT INTO registry_generators (app_id, name, image, sealed, ttl, timeout, host, add_docker, actor, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
  )
  const deleteOne = statement(db, 'DELETE FROM registry_generators WHERE app_id = ? AND name = ?')

  // The image is what gets to see the variables, and the engine's socket if it was granted.
  const place = (appId: number, { name, image, host, addDocker }: Omit<Generator, 'id' | 'env'>) =>
    placeOf(gatewayId, 'registry generator', appId, name, image, host, addDocker)

  const toGenerator = (appId: number, row: GeneratorRow): Generator => {
    const { sealed, add_docker, ...fields } = row
    const shown = { ...fields, addDocker: add_docker === 1 }
    const text = vault.open(Buffer.from(sealed), place(appId, shown), 'registry generator')
    return { ...shown, env: readConfig(text) }
  }

  return {
    /** By name. */
    list: (appId: number): Generator[] => selectAll.all(appId).map(row => toGenerator(appId, row)),
    /** Takes the place of the one of that name; the id is a new one each time. */
    put(appId: number, generator: Omit<Generator, 'id'>, actor: string): Generator {
      const { name, image, env, ttl, timeout, host, addDocker } = generator
      const sealed = vault.seal(writeConfig(env), place(appId, generator))
      return transaction(db, () => {
        deleteOne.run(appId, name)
        const docker = addDocker ? 1 : 0
        const row = insert.get(appId, name, image, sealed, ttl, timeout, host, docker, actor, now())
        return { ...generator, id: (row as { id: number }).id }
      })
    },
    /** @returns whether there was one */
    remove: (appId: number, name: string): boolean => deleteOne.run(appId, name) > 0,
  }
}
