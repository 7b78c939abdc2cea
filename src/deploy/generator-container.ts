// The one container of a generator: created, waited for, and asked what it wrote and said. What it said is shown only
// when it is known what must not be seen.

import type { ContainerSpec } from '../domain/container.ts'
import { parseDockercfg } from '../domain/dockercfg.ts'
import { decodeDockercfg, MAX_DOCKERCFG } from '../domain/dockercfg-text.ts'
import type { Engine } from '../domain/engine.ts'
import type { Generator } from '../domain/generator.ts'
import { plainLine } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import { secretsOf } from '../domain/registry-auth.ts'
import { maskSecrets } from '../domain/secret.ts'
import { TooLarge } from '../domain/too-large.ts'
import * as failure from './generate-failure.ts'
import { hideGenerated } from './hide-generated.ts'
import { linked } from './linked.ts'
import type { Run } from './operations.ts'
import { undoSignal } from './undo.ts'

const MAX_LOG_LINES = 200
const MAX_LOG_CHARACTERS = 32 * 1024

/**
 * Leaves the container to whoever calls.
 * @param file absolute path of what it writes
 * @returns what it wrote, which `parseDockercfg` can read
 * @throws Problem `generator-failed`
 */
export async function runContainer(
  engine: Engine,
  spec: ContainerSpec,
  file: string,
  generator: Generator,
  { transcript, signal }: Pick<Run, 'transcript' | 'signal'>,
): Promise<string> {
  const id = await engine.create(spec, undoSignal()) // As in `rollOut`: not broken off.
  const exitCode = await untilItEnds(engine, id, generator, signal)
  if (exitCode === null) await engine.stop(id, 0, signal)

  const written = await readWritten(engine, id, file, signal)
  // Not before now, when it is known what must not be seen.
  const hide = written instanceof TooLarge ? null : hideGenerated(generator.env, written?.toString() ?? null)
  const output = hide === null ? [failure.HELD_BACK] : await readLog(engine, id, hide, signal)
  for (const line of output) transcript.line(`       ${line}`)

  if (exitCode === null) throw failure.gaveUp(generator, output)
  if (exitCode !== 0) throw failure.exited(generator, exitCode, output)
  if (written instanceof TooLarge) throw failure.tooLarge(generator, written.limit)
  if (written === null || written.length === 0) {
    throw failure.wroteNothing(generator, file, written !== null, output)
  }
  const { text, auths } = readable(generator, written)
  transcript.mask(maskSecrets(auths.flatMap(secretsOf)))
  return text
}

/** @returns the exit code, null when the time was over first */
async function untilItEnds(
  engine: Engine,
  id: string,
  generator: Generator,
  signal: AbortSignal,
): Promise<number | null> {
  signal.throwIfAborted()
  const deadline = AbortSignal.timeout(generator.timeout * 1000)
  const watch = linked(AbortSignal.any([signal, deadline]))
  try {
    const exit = engine.nextExit(id, watch.signal)
    exit.catch(() => {}) // Awaited below, unless start fails first.
    await engine.start(id, watch.signal)
    return await exit
  } catch (error) {
    if (deadline.aborted && !signal.aborted) return null
    if (error instanceof Problem && error.code === 'container-not-started') {
      throw failure.notStarted(generator, error)
    }
    throw error
  } finally {
    watch.end()
  }
}

/** @returns null when there is no such file */
async function readWritten(
  engine: Engine,
  id: string,
  file: string,
  signal: AbortSignal,
): Promise<Buffer | TooLarge | null> {
  try {
    return await engine.readFile(id, file, MAX_DOCKERCFG, signal)
  } catch (error) {
    if (error instanceof TooLarge) return error
    throw error
  }
}

/** The end of its log, as whole lines. */
async function readLog(
  engine: Engine,
  id: string,
  hide: (text: string) => string,
  signal: AbortSignal,
): Promise<string[]> {
  const all: string[] = []
  const options = { follow: false, lines: MAX_LOG_LINES }
  await engine.logs(id, options, line => all.push(plainLine(line)), signal)
  let room = MAX_LOG_CHARACTERS
  const last: string[] = []
  for (const line of all.slice(-MAX_LOG_LINES).reverse()) {
    room -= line.length
    if (room < 0) break
    last.unshift(line)
  }
  if (last.length === 0) return all.length === 0 ? [] : [failure.TOO_LONG]
  return hide(last.join('\n')).split('\n')
}

function readable(generator: Generator, written: Buffer) {
  const source = `generator ${generator.name}`
  const file = `what ${source} wrote`
  try {
    const text = decodeDockercfg(written, file)
    return { text, auths: parseDockercfg(text, { source, file }) }
  } catch (error) {
    throw error instanceof Problem ? failure.unreadable(error) : error
  }
}
