// One candidate: created, started, and watched until it has settled.
import type { Engine } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import { type Candidate, candidateLabel } from '../domain/rollout.ts'
import type { Transcript } from '../domain/transcript.ts'
import { containerSpec, portOf, type Surroundings } from './container-spec.ts'
import { lastLines } from './last-lines.ts'
import { linked } from './linked.ts'
import { type Settled, settle } from './settle.ts'
import { undoSignal } from './undo.ts'

export interface CandidateGround {
  readonly engine: Engine
  readonly surroundings: Surroundings
  readonly transcript: Transcript
}

/** @returns its id */
export async function createCandidate(
  { process, index, service }: Candidate,
  { engine, surroundings }: CandidateGround,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted()
  const spec = containerSpec(surroundings, process, index, false, service)
  // Not broken off by an abort: the engine would make the container all the same, after it was looked for.
  const id = await engine.create(spec, undoSignal())
  signal.throwIfAborted()
  return id
}

/** @throws Problem `container-not-started`, `container-exited` */
export async function startCandidate(
  candidate: Candidate,
  id: string,
  { engine, surroundings, transcript }: CandidateGround,
  signal: AbortSignal,
): Promise<void> {
  const { stack } = surroundings
  const label = candidateLabel(candidate)
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
