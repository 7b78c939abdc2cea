// Members and their roles.
import type { DatabaseSync } from 'node:sqlite'
import type { Handle } from '../domain/app.ts'
import type { Member, Role } from '../domain/member.ts'
import { now, orTaken, statement } from './database.ts'

interface MemberRow {
  id: number
  name: Handle
  operator: 0 | 1
}

const toMember = (row: MemberRow): Member => ({ id: row.id, name: row.name, operator: row.operator === 1 })

/** @param secretPaths what a member was granted in the secret store */
export function memberRows(db: DatabaseSync, secretPaths: (memberId: number) => string[]) {
  const fields = 'members.id, members.name, members.operator'
  const insert = statement<MemberRow>(
    db,
    `INSERT INTO members (name, operator, created_at) VALUES (?, ?, ?) RETURNING ${fields}`,
  )
  const selectByName = statement<MemberRow>(db, `SELECT ${fields} FROM members WHERE name = ?`)
  const selectAll = statement<MemberRow>(db, `SELECT ${fields} FROM members ORDER BY name`)
  const selectOperators = statement<MemberRow>(
    db,
    `SELECT ${fields} FROM members WHERE operator = 1 ORDER BY name`,
  )
  const selectByKey = statement<MemberRow>(
    db,
    `SELECT ${fields} FROM keys JOIN members ON members.id = keys.member_id WHERE keys.fingerprint = ?`,
  )
  const deleteById = statement(db, 'DELETE FROM members WHERE id = ?')
  const selectRoles = statement<{ environment_id: number; role: Role }>(
    db,
    'SELECT environment_id, role FROM roles WHERE member_id = ?',
  )
  const upsertRole = statement(
    db,
    `INSERT INTO roles (environment_id, member_id, role) VALUES (?, ?, ?)
     ON CONFLICT (environment_id, member_id) DO UPDATE SET role = excluded.role`,
  )
  const deleteRole = statement(db, 'DELETE FROM roles WHERE environment_id = ? AND member_id = ?')
  const selectInEnvironment = statement<MemberRow & { role: Role }>(
    db,
    `SELECT ${fields}, roles.role FROM roles JOIN members ON members.id = roles.member_id
     WHERE roles.environment_id = ? ORDER BY members.name`,
  )

  const roles = (memberId: number): Map<number, Role> =>
    new Map(selectRoles.all(memberId).map(row => [row.environment_id, row.role]))

  return {
    /** @throws Problem `name-taken` */
    create(name: Handle, operator: boolean): Member {
      return orTaken(`There is a member ${name} already`, 'Choose another name, or use `keys:add`.', () =>
        toMember(insert.get(name, operator ? 1 : 0, now()) as MemberRow),
      )
    },
    byName(name: string): Member | null {
      const row = selectByName.get(name)
      return row ? toMember(row) : null
    },
    list: (): Member[] => selectAll.all().map(toMember),
    operators: (): Member[] => selectOperators.all().map(toMember),
    /** With keys, roles and grants. Missing is success. */
    remove(id: number): void {
      deleteById.run(id)
    },
    /** Whose key that is. @param fingerprint `SHA256:…` */
    byKey(fingerprint: string): { member: Member; roles: Map<number, Role>; secretPaths: string[] } | null {
      const row = selectByKey.get(fingerprint)
      return row ? { member: toMember(row), roles: roles(row.id), secretPaths: secretPaths(row.id) } : null
    },
    /** Role per environment id. */
    roles,
    /** Takes the place of the role that the member had there. */
    grant(environmentId: number, memberId: number, role: Role): void {
      upsertRole.run(environmentId, memberId, role)
    },
    /** @returns whether there was a role to take away */
    revoke: (environmentId: number, memberId: number): boolean => deleteRole.run(environmentId, memberId) > 0,
    inEnvironment: (environmentId: number): { member: Member; role: Role }[] =>
      selectInEnvironment.all(environmentId).map(row => ({ member: toMember(row), role: row.role })),
  }
}
