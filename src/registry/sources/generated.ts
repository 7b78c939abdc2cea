// Credentials that a generator gives, in memory until their time is over and written down nowhere.
import { parseDockercfg } from '../../domain/dockercfg.ts'
import type { Generator } from '../../domain/generator.ts'
import type { CredentialSource } from '../../domain/keychain.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'

type Auths = readonly RegistryAuth[]

export interface GeneratedCache {
  /** What that generator gave, null when its time is over. */
  fresh(generatorId: number): Auths | null
  /**
   * @param ttl seconds
   * @param size of the file that held them, in characters
   */
  keep(generatorId: number, auths: Auths, ttl: number, size: number): void
  forget(generatorId: number): void
  readonly size: number
}

/** Beyond this the oldest gives way. */
const MAX_KEPT = 1000
/** Characters of their files. */
const MAX_TEXT = 16 * 1024 * 1024
/** Milliseconds, the longest that a timer can wait. */
const LONGEST_TIMER = 2 ** 31 - 1

/** @param now in milliseconds */
export function createGeneratedCache(now: () => number = Date.now): GeneratedCache {
  const kept = new Map<number, { auths: Auths; size: number; until: number; timer: NodeJS.Timeout }>()
  let text = 0

  function forget(generatorId: number): void {
    const found = kept.get(generatorId)
    if (found === undefined) return
    clearTimeout(found.timer)
    kept.delete(generatorId)
    text -= found.size
  }

  return {
    forget,
    fresh(generatorId) {
      const found = kept.get(generatorId)
      return found !== undefined && now() < found.until ? found.auths : null
    },
    keep(generatorId, auths, ttl, size) {
      forget(generatorId)
      const milliseconds = ttl * 1000
      const timer = setTimeout(forget, Math.min(milliseconds, LONGEST_TIMER), generatorId)
      timer.unref()
      kept.set(generatorId, { auths, size, until: now() + milliseconds, timer })
      text += size
      for (const oldest of kept.keys()) {
        if (kept.size <= MAX_KEPT && text <= MAX_TEXT) return
        forget(oldest)
      }
    },
    get size() {
      return kept.size
    },
  }
}

/**
 * Made anew for every deploy, which runs the generator at most once at a time, however many images ask for it. Deploys
 * of one app follow each other; whoever asks beside them runs it too, so that nobody's leaving ends another's run.
 * @param generate runs it and hands over what it wrote
 */
export function generatedSource(
  generator: Generator,
  cache: GeneratedCache,
  generate: (generator: Generator) => Promise<string>,
): CredentialSource {
  const { id, ttl, host: onlyHost } = generator
  const name = `generator ${generator.name}`
  let running: Promise<Auths> | null = null
  /** What the last run for this deploy gave. */
  let made: Auths | null = null
  /** By host: what another deploy's run gave, and was handed out again. */
  const old = new Map<string, Auths>()

  async function runNow(): Promise<Auths> {
    const text = await generate(generator)
    const auths = parseDockercfg(text, { source: name, file: `what ${name} wrote` })
    made = auths
    if (ttl > 0) cache.keep(id, auths, ttl, text.length)
    return auths
  }
  function run(): Promise<Auths> {
    running ??= runNow().finally(() => {
      running = null
    })
    return running
  }
  // With a ttl, what this deploy made grows old like everything else.
  const known = () => (ttl > 0 ? cache.fresh(id) : made)
  const isFor = (host: string) => onlyHost === null || onlyHost === host
  const of = (auths: Auths, host: string) => auths.filter(auth => auth.host === host)

  return {
    name,
    isSet: true,
    async read(host) {
      if (!isFor(host)) return []
      const there = running === null ? known() : null
      if (there === null) return of(await run(), host)
      if (there !== made) old.set(host, there)
      return of(there, host)
    },
    async renew(host) {
      const given = old.get(host)
      if (given === undefined) return []
      const there = known()
      // Another image of this deploy was refused the same, and has renewed it already.
      if (running === null && there !== null && there !== given) return of(there, host)
      cache.forget(id)
      return of(await run(), host)
    },
  }
}
