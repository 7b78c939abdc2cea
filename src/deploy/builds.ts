// Builds on the engine of a stack go on beside each other. What they leave there for later ones fills its disk in the
// end: where the stack says how much of it may stay, the rest goes as soon as no build runs. Never meanwhile, since an
// engine that lets go of its build cache breaks the builds that are under way.
import type { Engine } from '../domain/engine.ts'
import type { Stack } from '../domain/stack.ts'
import type { Transcript } from '../domain/transcript.ts'
import { untilAborted } from '../domain/until-aborted.ts'
import type { Ground } from './ground.ts'

export interface Builds {
  /**
   * Runs `build` when nothing is trimmed on its engine; whoever has to wait for that is told.
   * @throws what the build throws; signal.reason when it is aborted before
   */
  run<T>(on: BuildsOn, build: () => Promise<T>): Promise<T>
}

interface BuildsOn {
  readonly stack: Pick<Stack, 'name' | 'build'>
  readonly engine: Pick<Engine, 'trimBuildCache'>
  readonly transcript: Transcript
  readonly signal: AbortSignal
}

/** Milliseconds that builds wait at most: an engine that has not ended by then hangs, or has kept very much. */
const DEADLINE = 600_000

export function createBuilds(background: Ground['background']): Builds {
  /** By the name of the stack. */
  const underWay = new Map<string, number>()
  const trimming = new Map<string, Promise<void>>()

  function trim({ stack: { name, build }, engine }: BuildsOn): void {
    if (build.cache === null || underWay.has(name)) return
    const trimmed = engine
      .trimBuildCache(build.cache, AbortSignal.timeout(DEADLINE))
      .finally(() => trimming.delete(name))
    trimming.set(name, trimmed)
    background(`trim the build cache of stack ${name}`, trimmed)
  }

  return {
    async run(on, build) {
      const { name } = on.stack
      if (trimming.has(name))
        on.transcript.line('       Waiting until the engine has trimmed its build cache')
      for (let busy = trimming.get(name); busy !== undefined; busy = trimming.get(name)) {
        await untilAborted(
          busy.catch(() => {}),
          on.signal,
        )
      }
      underWay.set(name, (underWay.get(name) ?? 0) + 1)
      try {
        return await build()
      } finally {
        const others = (underWay.get(name) ?? 1) - 1
        if (others > 0) underWay.set(name, others)
        else underWay.delete(name)
        trim(on)
      }
    },
  }
}
