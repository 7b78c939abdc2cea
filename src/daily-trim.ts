// Removes what is kept for a time only, at the start and once a day.
import type { Log } from './domain/log.ts'
import type { Store } from './store/store.ts'

const DAY = 86_400_000
const ACTIVITY_DAYS = 400

/** @returns ends it */
export function trimDaily(store: Store, log: Log): () => void {
  const trim = () => {
    try {
      const rows = store.activity.trim(new Date(Date.now() - ACTIVITY_DAYS * DAY).toISOString())
      if (rows > 0) log.info({ rows }, 'old activity removed')
    } catch (error) {
      log.error({ error }, 'old activity could not be removed')
    }
  }
  trim()
  const timer = setInterval(trim, DAY).unref()
  return () => clearInterval(timer)
}
