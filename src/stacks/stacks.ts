// The stacks of a directory, one file each, followed while the gateway runs: a file that is added, changed or removed
// takes effect by itself. A broken edit never takes a stack away; what was read last stays in force until it is mended.
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../domain/log.ts'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import type { Stack } from '../domain/stack.ts'
import { readStack } from './read-stack.ts'

/** At least one of the two: a stack beside a problem is the last good one of a file that is broken now. */
export interface StackEntry {
  readonly name: string
  readonly stack?: Stack
  readonly problem?: Problem
}

export interface Stacks {
  /**
   * The same object until its file changes.
   * @throws Problem `stack-not-found`, or `stack-invalid` for one whose file was never good
   */
  get(name: string): Stack
  /** By name. */
  list(): StackEntry[]
  /** Reads all files again, now. @throws Problem `settings-invalid` when the directory cannot be read */
  reload(): Promise<StackEntry[]>
  /** Stops following the directory. */
  close(): void
}

/** Editors write a file in several steps; it is read when they have been quiet for so long. */
const QUIET_MS = 100

/** @throws Problem `settings-invalid` when the directory cannot be read */
export function openStacks(directory: string, log: Log): Stacks {
  let entries = new Map<string, StackEntry>()
  let timer: NodeJS.Timeout | undefined

  const load = () => {
    const before = entries
    entries = new Map(
      readDirectory(directory).map(found => [found.name, succeed(before.get(found.name), found)]),
    )
    for (const name of new Set([...before.keys(), ...entries.keys()])) {
      report(log, name, before.get(name), entries.get(name))
    }
    return [...entries.values()]
  }
  const loadLater = () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      try {
        load()
      } catch (error) {
        log.warn({ error }, 'stacks could not be read again; those read last stay in force')
      }
    }, QUIET_MS)
  }

  // Followed before it is first read, so that no change is missed in between.
  const watcher = follow(directory, loadLater, log)
  const close = () => {
    clearTimeout(timer)
    watcher?.close()
  }
  try {
    load()
  } catch (error) {
    close()
    throw error
  }

  return {
    get(name) {
      const entry = entries.get(name)
      if (entry?.stack) return entry.stack
      throw entry?.problem ?? notFound(name, [...entries.keys()])
    },
    list: () => [...entries.values()],
    reload: async () => load(),
    close,
  }
}

function readDirectory(directory: string): StackEntry[] {
  const files = namesIn(directory).filter(
    name => ['.yml', '.yaml'].includes(extname(name)) && !name.startsWith('.'),
  )
  const found = new Map<string, StackEntry>()
  // `.yml` sorts last and wins over a `.yaml` of the same name, which is refused by its ending.
  for (const file of files.sort()) {
    const name = basename(file, extname(file))
    found.set(name, { name, ...read(join(directory, file)) })
  }
  return [...found.values()]
}

function read(path: string): { stack: Stack } | { problem: Problem } {
  try {
    return { stack: readStack(path, readFileSync(path, 'utf8')) }
  } catch (error) {
    if (error instanceof Problem) return { problem: error }
    const problem = new Problem('stack-invalid', {
      headline: `The stack file ${path} cannot be read`,
      saw: (error as Error).message,
      hint: 'Make it a file that the gateway may read.',
      cause: error,
    })
    return { problem }
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (cause) {
    throw new Problem('settings-invalid', {
      headline: `The directory of stacks ${directory} cannot be read`,
      saw: (cause as Error).message,
      hint: 'Point FAIRLEAD_STACKS at a directory with stack files.',
      cause,
    })
  }
}

/** What is in force after a file was read again. */
function succeed(before: StackEntry | undefined, found: StackEntry): StackEntry {
  if (before?.stack === undefined) return found
  if (found.stack === undefined) return { ...found, stack: before.stack }
  return isDeepStrictEqual(before.stack, found.stack) ? { ...found, stack: before.stack } : found
}

function report(
  log: Log,
  stack: string,
  before: StackEntry | undefined,
  after: StackEntry | undefined,
): void {
  if (after === undefined) log.info({ stack }, 'stack removed')
  else if (after.problem !== undefined) {
    if (after.problem.saw === before?.problem?.saw) return
    const kept =
      after.stack === undefined
        ? 'stack cannot be used'
        : 'stack file is broken; what was read last stays in force'
    log.warn({ stack, problem: after.problem }, kept)
  } else if (before?.stack !== after.stack)
    log.info({ stack }, before === undefined ? 'stack read' : 'stack changed')
  else if (before?.problem !== undefined) log.info({ stack }, 'stack file is good again')
}

function follow(directory: string, changed: () => void, log: Log): FSWatcher | undefined {
  const lost = (error: unknown) =>
    log.warn({ directory, error }, 'stack files are not followed; `fairlead stacks:reload` reads them again')
  try {
    return watch(directory, changed).on('error', lost)
  } catch (error) {
    lost(error)
    return undefined
  }
}

function notFound(name: string, known: string[]): Problem {
  return new Problem('stack-not-found', {
    headline: `There is no stack ${printable(name, 60)}`,
    saw: known.length === 0 ? 'there are no stacks' : `the stacks are ${known.join(', ')}`,
    hint: 'Choose one of them, or add its file to the directory of stacks.',
  })
}
