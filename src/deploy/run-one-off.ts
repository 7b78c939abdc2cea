// `run` and `ssh`: a container of the live release's image, with its config, that one person talks to. Nothing of it is
// left afterwards, however it ends, and no deploy waits for it or ends it.
import { type App, formatAppName } from '../domain/app.ts'
import type { ContainerSpec } from '../domain/container.ts'
import type { Engine, Talk } from '../domain/engine.ts'
import { oneOffCommand, RUN } from '../domain/one-off.ts'
import { Problem } from '../domain/problem.ts'
import { Secret } from '../domain/secret.ts'
import type { TerminalSize } from '../domain/terminal.ts'
import { containerSpec } from './container-spec.ts'
import type { Ground } from './ground.ts'
import { linked } from './linked.ts'
import { joinNetwork } from './network.ts'
import type { Run } from './operations.ts'
import { retireAll } from './retire.ts'
import { undoLater, undoSignal } from './undo.ts'

export interface PersonsTerminal extends TerminalSize {
  /** Its kind, as the variable TERM has it. */
  readonly term: string
  onResize(listener: (size: TerminalSize) => void): void
}

export interface OneOffWish {
  readonly app: App
  readonly words: readonly string[]
  readonly talk: Talk
  readonly terminal: PersonsTerminal | null
}

/**
 * Runs the words until they end or the signal is aborted: then they get SIGTERM, the stack's grace and SIGKILL.
 * @returns the exit code, 128 + n when signal n ended it
 * @throws Problem `not-found` without a live release, `image-not-found`, `too-many-runs`, `container-not-started`
 */
export async function runOneOff(ground: Ground, wish: OneOffWish, run: Run): Promise<number> {
  const { app } = wish
  const { stack, engine } = ground.stack(app.stack)
  const spec = await describe(ground, wish, run)
  const leave = ground.oneOffs.enter(app, spec.name)
  // Also one whose creation was never confirmed. The name is of this run alone.
  const clearAway = async () => {
    const present = await engine.list(app.name, undoSignal())
    const mine = present.filter(({ name }) => name === spec.name)
    await retireAll(mine, engine, stack.grace)
    leave()
  }
  try {
    await joinNetwork(ground, app, run.signal)
    return await converse(engine, spec, wish, run.signal)
  } finally {
    const what = `the one-off container ${spec.name}`
    await clearAway().catch(error => undoLater(ground, app)(what, error, clearAway))
  }
}

async function describe(
  ground: Ground,
  { app, words, terminal }: OneOffWish,
  run: Run,
): Promise<ContainerSpec> {
  const { store } = ground
  const { stack, engine } = ground.stack(app.stack)
  const release = store.releases.live(app.id)
  if (release === null) throw nothingLive(app)
  const image = await engine.findImage(release.image.tag, run.signal)
  if (image === null) throw imageGone(app, release.number)

  const config = store.configs.at(app.id, release.configVersion)
  const { gatewayId } = store
  const endpoints = ground.routing.endpoints(app)
  const surroundings = { gatewayId, app, stack, image, config, release, endpoints }
  const spec = containerSpec(surroundings, { name: RUN, command: '' }, run.operation.number, true)
  return {
    ...spec,
    // A process called `run` may have as many containers as there are operations.
    name: `${spec.name}.one-off`,
    ...oneOffCommand(words),
    env: terminal === null ? spec.env : new Map([...spec.env, ['TERM', new Secret(terminal.term)]]),
    interactive: { terminal },
  }
}

async function converse(
  engine: Engine,
  spec: ContainerSpec,
  { talk, terminal }: OneOffWish,
  signal: AbortSignal,
): Promise<number> {
  const id = await engine.create(spec, undoSignal()) // As in `rollOut`: not broken off.
  const watch = linked(signal)
  try {
    const { ended } = await engine.attach(id, talk, watch.signal)
    const exit = engine.nextExit(id, watch.signal)
    exit.catch(() => {}) // Awaited below, unless start fails first.
    await engine.start(id, watch.signal)
    if (terminal !== null) followSize(terminal, size => engine.resize(id, size, watch.signal))
    const [exitCode] = await Promise.all([exit, ended])
    return exitCode
  } catch (error) {
    throw error instanceof Problem && error.code === 'container-not-started' ? notStarted(error) : error
  } finally {
    watch.end()
  }
}

/** One at a time, and of those that came meanwhile only the newest. What fails is tried with the next size. */
function followSize(terminal: PersonsTerminal, tell: (size: TerminalSize) => Promise<void>): void {
  let telling = false
  let newest: TerminalSize | null = terminal
  const next = async () => {
    if (telling) return
    telling = true
    while (newest !== null) {
      const size = newest
      newest = null
      await tell(size).catch(() => {})
    }
    telling = false
  }
  terminal.onResize(size => {
    newest = size
    void next()
  })
  void next()
}

function nothingLive(app: App): Problem {
  return new Problem('not-found', {
    headline: `${formatAppName(app.name)} has no live release to run anything of`,
    hint: 'Push first: `git push aptible master`.',
  })
}

function imageGone(app: App, release: number): Problem {
  return new Problem('image-not-found', {
    headline: `The image of release v${release} of ${formatAppName(app.name)} is not on the engine any more`,
    hint: 'Deploy again: `fairlead deploy`.',
  })
}

function notStarted(problem: Problem): Problem {
  return new Problem(problem.code, {
    headline: 'The one-off container could not be started',
    ...(problem.saw !== undefined && { saw: problem.saw }),
    hint: 'Check the words after the command, and USER and WORKDIR of the image.',
    cause: problem,
  })
}
