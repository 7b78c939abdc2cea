// When a candidate counts as started: it is healthy where something tells its health (`health.ts`); else its port answers,
// or it has stayed up for the stack's settle time.
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine } from '../domain/engine.ts'
import { answers } from './answers.ts'
import { type Checking, type Health, untilHealthy } from './health.ts'
import { linked } from './linked.ts'

export type Settled =
  | { readonly kind: 'answers'; readonly port: number }
  | { readonly kind: 'up' }
  | Health
  | { readonly kind: 'exited'; readonly exitCode: number }

export interface Settling extends Checking {
  /** Rejects only when the engine does; asked for before the container was started. */
  readonly exit: Promise<number>
  /** Where it ought to listen, null for a process that serves nothing. */
  readonly port: number | null
  /** Seconds. */
  readonly settle: number
}

const PROBE_INTERVAL_MS = 5

export async function settle(engine: Engine, candidate: Settling, signal: AbortSignal): Promise<Settled> {
  const { signal: over, end } = linked(signal)
  try {
    return await Promise.race([
      candidate.exit.then(exitCode => ({ kind: 'exited', exitCode }) as const),
      untilHealthy(engine, candidate, over).then(health => health ?? untilUp(engine, candidate, over)),
    ])
  } finally {
    end()
  }
}

async function untilUp(engine: Engine, candidate: Settling, signal: AbortSignal): Promise<Settled> {
  const { id, port } = candidate
  return Promise.race([
    untilStaysUp(engine, candidate, signal),
    ...(port === null ? [] : [untilAnswers(engine, id, port, signal)]),
  ])
}

/** An engine that is slow to tell of an exit must not have it pass for a container that stayed up. */
async function untilStaysUp(
  engine: Engine,
  { id, settle, exit }: Settling,
  signal: AbortSignal,
): Promise<Settled> {
  await delay(settle * 1000, undefined, { signal })
  const container = await engine.inspect(id, signal)
  return container?.state === 'exited' ? { kind: 'exited', exitCode: await exit } : { kind: 'up' }
}

/** Asks from the gateway, which reaches a container's address when the engine is on the same machine. */
async function untilAnswers(engine: Engine, id: string, port: number, signal: AbortSignal): Promise<Settled> {
  let address: string | null = null
  for (;;) {
    address ??= (await engine.inspect(id, signal))?.address ?? null
    if (address !== null && (await answers(address, port, signal))) return { kind: 'answers', port }
    await delay(PROBE_INTERVAL_MS, undefined, { signal })
  }
}
