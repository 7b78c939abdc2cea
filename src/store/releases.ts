// Releases: rows that are written once; only `promoted_at` is filled in later, when the release goes live.
import type { DatabaseSync } from 'node:sqlite'
import type { Release } from '../domain/release.ts'
import { now, statement, transaction } from './database.ts'

interface ReleaseRow {
  id: number
  app_id: number
  number: number
  image_tag: string
  image_digest: string | null
  image_id: string
  image_source: string
  processes: string
  config_version: number
  commit_id: string
  operation: number
  rollback_of: number | null
  created_at: string
  promoted_at: string | null
}

const toRelease = (row: ReleaseRow): Release => ({
  id: row.id,
  appId: row.app_id,
  number: row.number,
  image: { tag: row.image_tag, digest: row.image_digest, id: row.image_id, source: row.image_source },
  processes: JSON.parse(row.processes),
  configVersion: row.config_version,
  commit: row.commit_id,
  operation: row.operation,
  rollbackOf: row.rollback_of,
  createdAt: row.created_at,
  promotedAt: row.promoted_at,
})

export type NewRelease = Pick<Release, 'image' | 'processes' | 'configVersion' | 'commit' | 'operation'> &
  Partial<Pick<Release, 'rollbackOf'>>

export function releaseRows(db: DatabaseSync) {
  const insert = statement<ReleaseRow>(
    db,
    `INSERT INTO releases (app_id, number, image_tag, image_digest, image_id, image_source, processes,
       config_version, commit_id, operation, rollback_of, created_at)
     VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM releases WHERE app_id = ?1), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     RETURNING *`,
  )
  const selectAll = statement<ReleaseRow>(
    db,
    'SELECT * FROM releases WHERE app_id = ? ORDER BY number DESC LIMIT ?',
  )
  const selectByNumber = statement<ReleaseRow>(db, 'SELECT * FROM releases WHERE app_id = ? AND number = ?')
  const selectPromotedBefore = statement<ReleaseRow>(
    db,
    `SELECT * FROM releases WHERE app_id = ? AND number < ? AND promoted_at IS NOT NULL
     ORDER BY number DESC LIMIT 1`,
  )
  const selectOfImage = statement<{ tag: string }>(
    db,
    `SELECT image_tag AS tag FROM releases WHERE app_id = ? AND image_id = ? AND promoted_at IS NOT NULL
     GROUP BY image_tag ORDER BY max(number) DESC`,
  )
  const selectTags = statement<{ tag: string }>(
    db,
    `SELECT image_tag AS tag FROM releases WHERE app_id = ? AND promoted_at IS NOT NULL
     GROUP BY image_tag ORDER BY max(number) DESC LIMIT ?`,
  )
  const selectLive = statement<ReleaseRow>(
    db,
    `SELECT releases.* FROM apps JOIN releases ON releases.app_id = apps.id AND releases.number = apps.live_release
     WHERE apps.id = ?`,
  )
  const markPromoted = statement(
    db,
    'UPDATE releases SET promoted_at = coalesce(promoted_at, ?) WHERE app_id = ? AND number = ?',
  )
  const countAll = statement<{ count: number }>(db, 'SELECT count(*) AS count FROM releases')
  const setLive = statement(db, 'UPDATE apps SET live_release = ? WHERE id = ?')
  const forgetStarters = statement(db, `UPDATE services SET started_by = '[]' WHERE app_id = ?`)

  const orNull = (row: ReleaseRow | undefined): Release | null => (row ? toRelease(row) : null)
  return {
    /** The number is one more than the app's highest. */
    create(appId: number, release: NewRelease): Release {
      const { image, processes, configVersion, commit, operation, rollbackOf = null } = release
      const row = insert.get(
        appId,
        image.tag,
        image.digest,
        image.id,
        image.source,
        JSON.stringify(processes),
        configVersion,
        commit,
        operation,
        rollbackOf,
        now(),
      )
      return toRelease(row as ReleaseRow)
    },
    /** Newest first, abandoned ones included. */
    list: (appId: number, limit: number): Release[] => selectAll.all(appId, limit).map(toRelease),
    byNumber: (appId: number, number: number): Release | null => orNull(selectByNumber.get(appId, number)),
    /** The last that went live before the release of that number was cut. */
    promotedBefore: (appId: number, number: number): Release | null =>
      orNull(selectPromotedBefore.get(appId, number)),
    /** Tags under which that image went live, the newest release's first. */
    tagsOf: (appId: number, imageId: string): string[] =>
      selectOfImage.all(appId, imageId).map(row => row.tag),
    /** Tags of images that went live, the newest release's first, each once: releases may share one. */
    promotedTags: (appId: number, limit: number): string[] =>
      selectTags.all(appId, limit).map(row => row.tag),
    /** Of all apps, abandoned ones included. */
    count: (): number => countAll.get()?.count ?? 0,
    /** From here on this release is the app's live one, served by the containers that it was started with. */
    promote(appId: number, number: number): void {
      transaction(db, () => {
        if (markPromoted.run(now(), appId, number) === 0)
          throw new Error(`App ${appId} has no release ${number}`)
        setLive.run(number, appId)
        forgetStarters.run(appId)
      })
    },
    live: (appId: number): Release | null => orNull(selectLive.get(appId)),
  }
}
