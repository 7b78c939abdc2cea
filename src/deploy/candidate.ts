// One candidate: created, started, and watched until it has settled.
import type { Engine } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import { type Candidate, candidateLabel } from '../domain/rollout.ts'
import { containerSpec, portOf, type Surroundings, servedPort } from './container-spec.ts'
import type { Check } from './health.ts'
import { lastLines } from './last-lines.ts'
import { linked } from './linked.ts'
import type { Probe } from './probe.ts'
import { type Settled, settle } from './settle.ts'
import type { LiveTranscript } from './transcript.ts'
import { undoSignal } from './undo.ts'
import { unhealthyProblem } from './unhealthy.ts'

export interface CandidateGround {
  readonly engine: Engine
  readonly surroundings: Surroundings
  readonly transcript: LiveTranscript
  readonly probe: Probe
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

/** @throws Problem `container-not-started`, `container-exited`, `health-check-failed` */
export async function startCandidate(
  candidate: Candidate,
  id: string,
  { engine, surroundings, transcript, probe }: CandidateGround,
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
    const checks = checksOf(surroundings, candidate)
    const { settle: seconds, healthy } = stack
    const watched = { id, exit, port: probed, settle: seconds, healthy, checks, probe }
    const settled = await settle(engine, watched, signal)
    if (settled.kind === 'exited') throw await exitedProblem(engine, id, label, candidate, settled.exitCode)
    if (settled.kind === 'unhealthy') {
      const output = await lastLines(engine, id, undoSignal())
      const listeners = await engine.listening(id, undoSignal()).catch(() => null)
      throw unhealthyProblem(label, settled, healthy, { output, listeners, hide: transcript.hide })
    }
    transcript.line(`       ${label} ${sentence(settled, probed, stack.settle)}`)
  } finally {
    watch.end()
  }
}

/** What its endpoints ask of it: each its own path, at the port where it will be asked. */
function checksOf(surroundings: Surroundings, { process }: Candidate): Check[] {
  return surroundings.endpoints
    .filter(({ service }) => service === process.name)
    .map(({ hostname, port, path }) => ({
      hostname,
      port: port ?? servedPort(surroundings, process),
      path: path ?? '/',
      strict: path !== null,
    }))
}

function sentence(
  settled: Exclude<Settled, { kind: 'exited' | 'unhealthy' }>,
  port: number | null,
  seconds: number,
): string {
  if (settled.kind === 'healthy') {
    return settled.by === 'HTTP' ? 'is healthy: it answers' : 'is healthy by the HEALTHCHECK of its image'
  }
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
