// What the containers of an app print, in one stream with a prefix for each.
import { isGenerator } from '../deploy/generate.ts'
import type { Container } from '../domain/container.ts'
import type { Engine, LogOptions } from '../domain/engine.ts'
import { type Instant, parseInstant, secondsBefore } from '../domain/instant.ts'
import { isRun } from '../domain/one-off.ts'
import { Problem } from '../domain/problem.ts'
import { parseDuration } from '../domain/quantity.ts'
import { containerLabel } from '../domain/rollout.ts'
import { text, usage } from './call.ts'
import type { AppCall, Command, Options } from './command.ts'
import { byLabel, isMeant } from './containers-of.ts'
import { followLogs } from './follow-logs.ts'
import { type LogMark, logMark } from './log-mark.ts'
import { mergeLines } from './merged-lines.ts'
import { patiently } from './wait-for-client.ts'
import { whileAuthorised } from './while-authorised.ts'

const MOST_LINES = 10_000
const FEW_LINES = 100

export const logs: Command = {
  name: 'logs',
  summary: 'Print what the containers of an app print',
  options: {
    follow: {
      type: 'boolean',
      short: 'f',
      help: 'go on until you leave, with the containers of later releases too',
    },
    service: { type: 'string', value: 'NAME', help: 'only this one: web, or web.1' },
    process: { type: 'string', value: 'NAME', help: 'the same as --service' },
    since: { type: 'string', value: 'WHEN', help: 'from then on: 30s, 10m, 2h, or 2026-01-31T09:00:00Z' },
    lines: {
      type: 'string',
      short: 'n',
      value: 'N',
      help: 'the last N lines of each container (default 100; with --since all)',
    },
  },
  scope: 'app',
  action: 'app:logs',
  async run(call) {
    const { session, options } = call
    try {
      await whileAuthorised(call, signal => print(call, signal))
    } catch (error) {
      if (!(options.follow === true && session.signal.aborted)) throw error
    }
  },
}

async function print(call: AppCall, signal: AbortSignal): Promise<void> {
  const { gateway, session, app, options } = call
  const { engine } = gateway.ground.stack(app.stack)
  const wanted = wantedOf(options)
  const from = await beginning(options, engine, signal)
  // What a generator prints is shown by the deploy that runs it, once it is known what has to be hidden in it.
  // What somebody's `run` says is theirs, and kept nowhere.
  const present = async () =>
    (await engine.list(app.name, signal))
      .filter(({ labels }) => !isGenerator(labels) && !isRun(labels))
      .toSorted(byLabel)
  const all = await present()
  const shown = all.filter(container => isMeant(container, wanted))
  if (shown.length === 0) throw nothingToRead(wanted, all)

  const write = patiently(session.stdout, signal)
  let width = 0
  const widen = (containers: readonly Container[]) => {
    width = Math.max(width, ...containers.map(container => containerLabel(container).length))
  }
  const emit = (container: Container, line: string) =>
    write(`${containerLabel(container).padEnd(width)} | ${line}\n`)

  widen(shown)
  const follow = options.follow === true
  const onwards =
    follow && from.lines === 0 ? ({ lines: 'all', since: await engine.now(signal) } as const) : from
  const marks = new Map<string, LogMark>(shown.map(({ id }) => [id, logMark(onwards)]))
  if (from.lines !== 0) {
    await mergeLines(
      shown.map(
        ({ id }) =>
          (line, ended) =>
            engine.logs(id, { follow: false, ...from }, line, ended),
      ),
      (which, { text, at }) => {
        const container = shown[which]
        if (container === undefined) return undefined
        marks.get(container.id)?.isNew(at)
        return emit(container, text)
      },
      signal,
    )
  }
  if (!follow) return
  await followLogs(
    {
      marks,
      emit,
      from: { lines: 'all', ...(onwards.since !== undefined && { since: onwards.since }) },
      list: async () => {
        const containers = (await present()).filter(container => isMeant(container, wanted))
        widen(containers)
        return containers
      },
      read: ({ id }, reading, line, ended) => engine.logs(id, reading, line, ended),
      say: words => session.stderr.write(`       ${words}\n`),
    },
    signal,
  )
}

/** @throws Problem `usage` */
function wantedOf({ service, process }: Options): string | undefined {
  if (service !== undefined && process !== undefined && service !== process)
    throw usage(logs, '--service and --process are two names of one option.')
  return text(service ?? process)
}

/** @throws Problem `usage` */
async function beginning(
  { lines, since }: Options,
  engine: Engine,
  signal: AbortSignal,
): Promise<Omit<LogOptions, 'follow'>> {
  const count = lines === undefined ? (since === undefined ? FEW_LINES : 'all') : Number(lines)
  if (count !== 'all' && (!Number.isInteger(count) || count < 0 || count > MOST_LINES)) {
    throw usage(logs, `--lines is a number from 0 to ${MOST_LINES}.`)
  }
  if (since === undefined) return { lines: count }
  return { lines: count, since: await instantOfOption(String(since), engine, signal) }
}

async function instantOfOption(word: string, engine: Engine, signal: AbortSignal): Promise<Instant> {
  const seconds = parseDuration(word)
  // Lines are dated by the engine's clock, so that is the one to count back from.
  if (seconds !== null) return secondsBefore(await engine.now(signal), seconds)
  const instant = parseInstant(word)
  if (instant !== null) return instant
  throw usage(logs, '--since is a duration such as 10m, or a time such as 2026-01-31T09:00:00Z.')
}

function nothingToRead(wanted: string | undefined, all: readonly Container[]): Problem {
  return new Problem('not-found', {
    headline:
      wanted === undefined
        ? 'No container is there to read from'
        : `No container is called ${JSON.stringify(wanted.slice(0, 40))}`,
    saw: all.length === 0 ? 'The app has no containers.' : `There are: ${all.map(containerLabel).join(', ')}`,
    hint: '`fairlead ps` lists them.',
  })
}
