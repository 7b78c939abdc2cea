// What was last seen of the engines. Nobody who asks waits long for one, and engines are not asked more often than
// every few seconds, however many ask.
import { type AppName, formatAppName } from '../domain/app.ts'
import type { Container } from '../domain/container.ts'
import type { Engine } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'

/** Milliseconds: how long what was seen is good for, and how long an engine may take to tell. */
const FRESH = 5000
const PATIENCE = 2000

export interface SeenEngine {
  readonly stack: string
  /** Null as long as it answers. */
  readonly trouble: string | null
  /** Of the last time that it answered. */
  readonly containers: readonly Container[]
}

/** @param engines asks for those there are now, by stack */
export function engineWatch(
  engines: () => ReadonlyMap<string, Engine>,
  { fresh = FRESH, patience = PATIENCE } = {},
): () => Promise<readonly SeenEngine[]> {
  let seen: readonly SeenEngine[] = []
  let looking: Promise<void> | null = null
  let lookedAt = Number.NEGATIVE_INFINITY

  async function lookAt(stack: string, engine: Engine): Promise<SeenEngine> {
    try {
      return { stack, trouble: null, containers: await engine.list({}, AbortSignal.timeout(patience)) }
    } catch (error) {
      const trouble =
        error instanceof Problem
          ? error.headline
          : `The Docker engine of stack ${stack} did not answer within ${patience / 1000} s`
      const before = seen.find(each => each.stack === stack)
      return { stack, trouble, containers: before?.containers ?? [] }
    }
  }

  return async () => {
    if (performance.now() - lookedAt > fresh) {
      looking ??= Promise.all([...engines()].map(([stack, engine]) => lookAt(stack, engine)))
        .then(found => {
          seen = found
          lookedAt = performance.now()
        })
        .finally(() => {
          looking = null
        })
      await looking
    }
    return seen
  }
}

export function appOf({ labels }: Container): string {
  return formatAppName({ environment: labels.environment, app: labels.app } as AppName)
}
