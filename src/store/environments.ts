// Environments: named groups of apps on one stack.
import type { DatabaseSync } from 'node:sqlite'
import type { Environment, Handle } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'
import { now, orTaken, statement } from './database.ts'

export function environmentRows(db: DatabaseSync) {
  const insert = statement<Environment>(
    db,
    'INSERT INTO environments (handle, stack, created_at) VALUES (?, ?, ?) RETURNING id, handle, stack',
  )
  const selectByHandle = statement<Environment>(
    db,
    'SELECT id, handle, stack FROM environments WHERE handle = ?',
  )
  const selectAll = statement<Environment>(db, 'SELECT id, handle, stack FROM environments ORDER BY handle')
  const countApps = statement<{ count: number }>(
    db,
    'SELECT count(*) AS count FROM apps WHERE environment_id = ?',
  )
  const deleteById = statement(db, 'DELETE FROM environments WHERE id = ?')

  const plain = (row: Environment | undefined): Environment | null => (row ? { ...row } : null)
  return {
    /** @throws Problem `name-taken` */
    create(handle: Handle, stack: string): Environment {
      return orTaken(`There is an environment ${handle} already`, 'Choose another name.', () => ({
        ...(insert.get(handle, stack, now()) as Environment),
      }))
    },
    byHandle: (handle: string): Environment | null => plain(selectByHandle.get(handle)),
    list: (): Environment[] => selectAll.all().map(row => ({ ...row })),
    /**
     * With its roles and its subnet. Missing is success.
     * @throws Problem `usage` while it has apps
     */
    remove(id: number): void {
      const apps = countApps.get(id)?.count ?? 0
      if (apps > 0) {
        throw new Problem('usage', {
          headline: `The environment still has ${apps === 1 ? '1 app' : `${apps} apps`}`,
          hint: 'Destroy its apps first, with `fairlead apps:destroy`.',
        })
      }
      deleteById.run(id)
    },
  }
}
