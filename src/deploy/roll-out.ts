// Carries out a Rollout up to the commit point: candidates are created, started and watched until they have
// settled. Their removal was registered before (`discardRelease`, `discardStarted`): a failure leaves what ran before and nothing else.
import type { App } from '../domain/app.ts'
import type { ContainerLabels, Engine } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import { type Candidate, candidateLabel, type Rollout } from '../domain/rollout.ts'
import type { Transcript } from '../domain/transcript.ts'
import { containerSpec, portOf, type Surroundings } from './container-spec.ts'
import { lastLines } from './last-lines.ts'
import { linked } from './linked.ts'
import { type Settled, settle } from './settle.ts'
import { undoSignal } from './undo.ts'

/** Removes every container of a release that did not come to life, also one whose creation was never confirmed. */
export function discardRelease(engine: Engine, app: App, release: number): Promise<void> {
  return discard(engine, app, labels => labels.release === release)
}

/** The same, for what an operation started for a release that was live already. */
export function discardStarted(engine: Engine, app: App, operation: number): Promise<void> {
  return discard(engine, app, labels => labels.startedBy === operation)
}

async function discard(
  engine: Engine,
  app: App,
  isOurs: (labels: ContainerLabels) => boolean,
): Promise<void> {
  const signal = undoSignal()
  const made = (await engine.list(app.name, signal)).filter(({ labels }) => isOurs(labels))
  const outcomes = await Promise.allSettled(made.map(({ id }) => engine.remove(id, signal)))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/**
 * @returns the ids of the candidates
 * @throws Problem `container-not-started`, `container-exited`
 */
export async function rollOut(
  plan: Pick<Rollout, 'start'>,
  engine: Engine,
  surroundings: Surroundings,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<string[]> {
  if (plan.start.length === 0) return []
  transcript.line(`-----> Starting ${plan.start.map(candidateLabel).join(', ')}`)
  // The first failure ends the others, and all of them have ended before anything is undone.
  const { signal: together, end } = linked(signal)
  const failures: unknown[] = []
  const started = await Promise.all(
    plan.start.map(candidate =>
      startOne(candidate, engine, surroundings, transcript, together).catch(error => {
        failures.push(error)
        end()
        return ''
      }),
    ),
  )
  end()
  if (failures.length > 0) throw failures[0]
  return started
}

async function startOne(
  candidate: Candidate,
  engine: Engine,
  surroundings: Surroundings,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted()
  const { stack } = surroundings
  const label = candidateLabel(candidate)
  const spec = containerSpec(surroundings, candidate.process, candidate.index, false, candidate.service)
  // Not broken off by an abort: the engine would make the container all the same, after it was looked for.
  const id = await engine.create(spec, undoSignal())
  signal.throwIfAborted()

  const watch = linked(signal)
  try {
    const exit = engine.nextExit(id, watch.signal)
    exit.catch(() => {}) // Read by settle; when start fails nobody else looks at it.
    await engine.start(id, signal)
    const port = portOf(surroundings, candidate.process)
    // The address of a container on another machine means nothing here, or somebody else.
    const probed = stack.engine.kind === 'unix' ? port : null
    const settled = await settle(engine, { id, exit, port: probed, settle: stack.settle }, signal)
    if (settled.kind === 'exited') throw await exitedProblem(engine, id, label, candidate, settled.exitCode)
    transcript.line(`       ${label} ${sentence(settled, probed, stack.settle)}`)
    return id
  } finally {
    watch.end()
  }
}

function sentence(
  settled: Exclude<Settled, { kind: 'exited' }>,
  port: number | null,
  seconds: number,
): string {
  if (settled.kind === 'answers') return `answers on port ${settled.port}`
  const up = `has been up for ${seconds} s`
  return port === null ? up : `${up}, but nothing answers on port ${port} yet (it was told PORT=${port})`
}

async function exitedProblem(
  engine: Engine,
  id: string,
  label: string,
  candidate: Candidate,
  exitCode: number,
): Promise<Problem> {
  const { process } = candidate
  const command = process.command === null ? "the image's own command" : process.command
  const output = await lastLines(engine, id, undoSignal())
  return new Problem('container-exited', {
    phase: 'settle',
    headline: `${label} stopped before it had settled: exit code ${exitCode}`,
    saw: [
      `Its command: ${command}`,
      output.length > 0 ? 'Its last output:' : 'It printed nothing.',
      ...output,
    ].join('\n'),
    hint:
      exitCode === 127
        ? 'The command was not found in the image: check the Procfile line and what the image holds.'
        : 'A process has to stay in the foreground. Mend what its output names, and push again.',
  })
}
