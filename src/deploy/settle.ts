// When a candidate counts as started: its port answers, or it has stayed up for the stack's settle time.
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine } from '../domain/engine.ts'
import { answers } from './answers.ts'
import { linked } from './linked.ts'

export type Settled =
  | { readonly kind: 'answers'; readonly port: number }
  | { readonly kind: 'up' }
  | { readonly kind: 'exited'; readonly exitCode: number }

export interface Settling {
  readonly id: string
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
      delay(candidate.settle * 1000, undefined, { signal: over }).then(() => ({ kind: 'up' }) as const),
      ...(candidate.port === null ? [] : [untilAnswers(engine, candidate.id, candidate.port, over)]),
    ])
  } finally {
    end()
  }
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
