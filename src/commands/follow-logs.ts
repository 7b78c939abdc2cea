// The logs of an app for as long as somebody looks on: over deploys, which end containers and start others, over
// restarts of containers, of the engine and of what lies between. The list of containers is asked for again and
// again: events of an engine may be lost, and say nothing after its restart.
import { setTimeout as delay } from 'node:timers/promises'
import type { Container } from '../domain/container.ts'
import type { LogOptions } from '../domain/engine.ts'
import type { Instant } from '../domain/instant.ts'
import { Problem } from '../domain/problem.ts'
import { type LogMark, logMark } from './log-mark.ts'

/** Milliseconds between two looks at what runs. */
const PAUSE = 1000

export interface Followed {
  /** The containers to follow, at this moment. */
  list(signal: AbortSignal): Promise<Container[]>
  read(
    container: Container,
    options: LogOptions,
    line: (text: string, at: Instant) => unknown,
    signal: AbortSignal,
  ): Promise<void>
  emit(container: Container, text: string): unknown
  /** How far each container was read already, by id. */
  readonly marks: Map<string, LogMark>
  /** Where the log of a container begins that was not there before. */
  readonly from: Omit<LogOptions, 'follow'>
  /** A remark beside the output. */
  say(text: string): void
}

/**
 * Never resolves.
 * @throws signal.reason; what is no trouble of the engine
 */
export async function followLogs(what: Followed, signal: AbortSignal, pause = PAUSE): Promise<never> {
  const { list, read, emit, marks, from, say } = what
  const broken = new AbortController()
  const both = AbortSignal.any([signal, broken.signal])
  const open = new Map<string, Promise<void>>()
  /** Read to their end: nothing more comes unless they run again. */
  const ended = new Set<string>()
  let away = false

  function follow(container: Container): void {
    const { id } = container
    const mark = marks.get(id) ?? logMark(from)
    marks.set(id, mark)
    const line = (text: string, at: Instant) => (mark.isNew(at) ? emit(container, text) : undefined)
    const reading = read(container, { follow: true, ...mark.resume() }, line, both)
      .then(() => void ended.add(id), trouble)
      .finally(() => open.delete(id))
    open.set(id, reading)
  }

  function trouble(error: unknown): void {
    if (both.aborted) return
    if (!isOfEngine(error)) broken.abort(error)
    else if (!away && isUnreachable(error)) {
      away = true
      say('The engine broke off; the logs go on as soon as it answers.')
    }
  }

  try {
    for (;;) {
      try {
        const containers = await list(both)
        if (away) say('The engine answers again.')
        away = false
        const present = new Set(containers.map(({ id }) => id))
        for (const id of marks.keys())
          if (!present.has(id) && !open.has(id)) {
            marks.delete(id)
            ended.delete(id)
          }
        for (const container of containers) {
          const over = ended.has(container.id) && !isAlive(container)
          if (!over && !open.has(container.id)) follow(container)
        }
      } catch (error) {
        both.throwIfAborted()
        if (!isOfEngine(error)) throw error
        trouble(error)
      }
      await delay(pause, undefined, { signal: both }).catch(() => both.throwIfAborted())
    }
  } finally {
    broken.abort()
    await Promise.all(open.values())
  }
}

function isAlive({ state }: Container): boolean {
  return state === 'running' || state === 'restarting' || state === 'paused'
}

function isOfEngine(error: unknown): boolean {
  return isUnreachable(error) || (error instanceof Problem && error.code === 'engine-failed')
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Problem && error.code === 'engine-unreachable'
}
