// Whether a candidate is fit to serve: its image's HEALTHCHECK tells, else its answers to what its endpoints ask.
import { setTimeout as delay } from 'node:timers/promises'
import type { HealthRun } from '../domain/container.ts'
import type { Engine } from '../domain/engine.ts'
import type { Answer, Probe, Question } from './probe.ts'

export interface Check extends Omit<Question, 'address'> {
  /** Whether the owner named the path: then only 2xx and 3xx will do, else any answer below 500. */
  readonly strict: boolean
}

export interface Checking {
  readonly id: string
  /** All have to be passed. */
  readonly checks: readonly Check[]
  readonly probe: Probe
  /** Seconds it may take. */
  readonly healthy: number
}

export type Health =
  | { readonly kind: 'healthy'; readonly by: 'HEALTHCHECK' | 'HTTP' }
  | {
      readonly kind: 'unhealthy'
      readonly by: 'HEALTHCHECK'
      readonly last: 'starting' | 'unhealthy'
      readonly runs: readonly HealthRun[]
    }
  | {
      readonly kind: 'unhealthy'
      readonly by: 'HTTP'
      /** The last answer to each that was not passed, null where it never could be asked. */
      readonly failed: readonly { readonly check: Check; readonly answer: Answer | null }[]
    }

/** Milliseconds between two looks: short beside the 100 within which health is to be noticed, long beside a look. */
const ASK_ENGINE = 40
const ASK_CONTAINER = 25

/** @returns null where nothing tells: no HEALTHCHECK and no endpoint */
export async function untilHealthy(
  engine: Engine,
  checking: Checking,
  signal: AbortSignal,
): Promise<Health | null> {
  const over = AbortSignal.timeout(checking.healthy * 1000)
  const condition = await engine.condition(checking.id, signal)
  if ((condition?.health ?? null) !== null) return byHealthcheck(engine, checking.id, over, signal)
  return checking.checks.length === 0 ? null : byAnswers(engine, checking, over, signal)
}

async function byHealthcheck(
  engine: Engine,
  id: string,
  over: AbortSignal,
  signal: AbortSignal,
): Promise<Health> {
  for (;;) {
    const { health = null, healthRuns: runs = [] } = (await engine.condition(id, signal)) ?? {}
    if (health === 'healthy') return { kind: 'healthy', by: 'HEALTHCHECK' }
    if (health === 'unhealthy' || over.aborted) {
      return { kind: 'unhealthy', by: 'HEALTHCHECK', last: health ?? 'starting', runs }
    }
    await delay(ASK_ENGINE, undefined, { signal })
  }
}

async function byAnswers(
  engine: Engine,
  { id, checks, probe }: Checking,
  over: AbortSignal,
  signal: AbortSignal,
): Promise<Health> {
  const ending = AbortSignal.any([over, signal])
  const untilPassed = async (check: Check) => {
    let answer: Answer | null = null
    let address: string | null = null
    for (;;) {
      address ??= (await engine.inspect(id, signal))?.address ?? null
      // One that is cut off at the end says less than the one before it.
      const now = address === null ? null : await probe({ ...check, address }, ending)
      if (now !== null && passes(check, now)) return null
      if (!over.aborted || answer === null) answer = now ?? answer
      if (over.aborted) return { check, answer }
      await delay(ASK_CONTAINER, undefined, { signal })
    }
  }
  const failed = (await Promise.all(checks.map(untilPassed))).filter(each => each !== null)
  return failed.length === 0 ? { kind: 'healthy', by: 'HTTP' } : { kind: 'unhealthy', by: 'HTTP', failed }
}

function passes({ strict }: Check, { status }: Answer): boolean {
  return status !== null && status < 500 && (!strict || (status >= 200 && status < 400))
}
