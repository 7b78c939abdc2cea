// Carries out a Rollout up to the commit point: candidates are created, started and watched until they have
// settled. Each registers its removal first, so that a failure leaves what ran before and nothing else.

import type { Engine } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import { type Candidate, candidateLabel, type Rollout } from '../domain/rollout.ts'
import type { Transcript } from '../domain/transcript.ts'
import { containerSpec, portOf, type Surroundings } from './container-spec.ts'
import { lastLines } from './last-lines.ts'
import { linked } from './linked.ts'
import { type Settled, settle } from './settle.ts'
import type { RegisterUndo } from './undo.ts'

/** Undoing goes on when the one who asked has left, but not for ever. */
export const undoSignal = () => AbortSignal.timeout(60_000)

/** @throws Problem `container-not-started`, `container-exited` */
export async function rollOut(
  plan: Rollout,
  engine: Engine,
  surroundings: Surroundings,
  undo: RegisterUndo,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<void> {
  transcript.line(`-----> Starting ${plan.start.map(candidateLabel).join(', ')}`)
  // The first failure ends the waiting for the others.
  const { signal: together, end } = linked(signal)
  try {
    await Promise.all(
      plan.start.map(candidate => startOne(candidate, engine, surroundings, undo, transcript, together)),
    )
  } finally {
    end()
  }
}

async function startOne(
  candidate: Candidate,
  engine: Engine,
  surroundings: Surroundings,
  undo: RegisterUndo,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<void> {
  const { stack, image, config } = surroundings
  const label = candidateLabel(candidate)
  const id = await engine.create(containerSpec(surroundings, candidate.process, candidate.index), signal)
  undo(`candidate ${label}`, () => engine.remove(id, undoSignal()))

  const watch = linked(signal)
  try {
    const exit = engine.nextExit(id, watch.signal)
    exit.catch(() => {}) // Read by settle; when start fails nobody else looks at it.
    await engine.start(id, signal)
    const port = portOf(candidate.process, image, config)
    const settled = await settle(engine, { id, exit, port, settle: stack.settle }, signal)
    if (settled.kind === 'exited') throw await exitedProblem(engine, id, label, candidate, settled.exitCode)
    transcript.line(`       ${label} ${sentence(settled, port, stack.settle)}`)
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
