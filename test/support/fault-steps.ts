// The steps of what is struck: the requests that it makes of the engine or of the router, one after the other. They are
// counted, not listed.
import type { Gate, Held } from './gate.ts'
import type { Finished } from './gateway.ts'

/** Whether every step is struck, and not some. */
export const ALL = process.env.FAIRLEAD_FAULTS === 'all'

export interface Fault {
  /** `the gateway is killed` */
  readonly name: string
  /** Whether the request has not arrived yet when it is struck, or was done and not answered. */
  readonly when: 'asked' | 'done'
  /** Comes when the request is held, and resolves when it is over. @param answered resolves when whoever asked was answered */
  strike(held: Held, answered: Promise<Finished>): Promise<void>
}

/** What has changed nothing is as well asked twice. */
const isStruck = (gate: Gate, when: Fault['when']) => (when === 'asked' ? /./ : gate.changes)

/** Which of the requests since there were `before`, counted from 1, a run strikes. @param some unless it is all */
export function stepsSince(gate: Gate, before: number, { when }: Fault, some: number): number[] {
  const total =
    gate.requests.slice(before).filter(line => isStruck(gate, when).test(line)).length + gate.afterwards
  if (ALL || total <= some) return Array.from({ length: total }, (_, i) => i + 1)
  // Not the last ones: the next time it may need fewer.
  return Array.from({ length: some }, (_, i) => Math.ceil(((i + 1) * total) / (some + 2)))
}

export interface Struck {
  begin(): Promise<Finished>
  /** Resolves when all is gone that it replaces. Asked when whoever began it was told that it worked. */
  over(): Promise<void>
}

/** @returns whether there was such a request to strike at */
export async function strikeAt(
  gate: Gate,
  step: number,
  { when, strike }: Fault,
  { begin, over }: Struck,
): Promise<boolean> {
  const held = gate[when === 'asked' ? 'hold' : 'holdAnswer'](isStruck(gate, when), step)
  const answered = begin()
  const ended = answered.then(({ status }) => (status === 0 ? over() : undefined))
  const isHeld = await Promise.race([held.reached.then(() => true), ended.then(() => false)])
  if (isHeld) await strike(held, answered)
  held.release()
  await ended
  return isHeld
}
