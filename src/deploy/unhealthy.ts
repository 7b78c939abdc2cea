// A candidate that did not become healthy, for whoever pushed it: what was asked, what came back, and what to do.
import type { Listener } from '../domain/container.ts'
import { Problem } from '../domain/problem.ts'
import type { Health } from './health.ts'
import { healthRunLines } from './health-runs.ts'
import type { Answer } from './probe.ts'

type Unhealthy = Extract<Health, { kind: 'unhealthy' }>

export interface Evidence {
  /** The container's last lines. */
  readonly output: readonly string[]
  /** Where it listens, null where that cannot be known. */
  readonly listeners: readonly Listener[] | null
  /** Masks secrets in what is cut before it is shown. */
  readonly hide: (text: string) => string
}

/**
 * @param label `web.1`
 * @param seconds it had
 */
export function unhealthyProblem(
  label: string,
  health: Unhealthy,
  seconds: number,
  { output, listeners, hide }: Evidence,
): Problem {
  const printed = output.length > 0 ? ['Its last output:', ...output] : ['It printed nothing.']
  return new Problem('health-check-failed', {
    phase: 'settle',
    headline:
      health.by === 'HEALTHCHECK' && health.last === 'unhealthy'
        ? `${label} is unhealthy by the HEALTHCHECK of its image`
        : `${label} did not become healthy within ${seconds} s`,
    saw: [...answers(health, hide), ...listenersInWords(listeners), ...printed].join('\n'),
    hint: hint(health, seconds, listeners ?? []),
  })
}

function answers(health: Unhealthy, hide: Evidence['hide']): string[] {
  if (health.by === 'HEALTHCHECK') {
    const [first, ...runs] = healthRunLines(health.runs, hide)
    return [`The HEALTHCHECK of its image says: ${health.last}. ${first}`, ...runs]
  }
  return health.failed.map(
    ({ check: { hostname, port, path }, answer }) =>
      `GET ${path} at port ${port}, for ${hostname}: ${inWords(answer)}`,
  )
}

function inWords(answer: Answer | null): string {
  if (answer === null) return 'it had no address'
  if (answer.status === null) return answer.why
  return answer.line === '' ? `${answer.status}` : `${answer.status} ${answer.line}`
}

function listenersInWords(listeners: readonly Listener[] | null): string[] {
  if (listeners === null) return []
  if (listeners.length === 0) return ['It listens on no TCP port.']
  const places = listeners.map(
    ({ address, port }) => `${address.includes(':') ? `[${address}]` : address}:${port}`,
  )
  return [`It listens on ${[...new Set(places)].join(', ')}`]
}

const isLoopback = ({ address }: Listener) => address.startsWith('127.') || address === '::1'

function hint(health: Unhealthy, seconds: number, listeners: readonly Listener[]): string {
  const longer = 'One that needs longer: have an operator raise `healthy` in the stack file.'
  if (health.by === 'HEALTHCHECK') {
    if (health.runs.length === 0) {
      return `The engine runs it first when its --interval is over: give it one well below ${seconds} s. ${longer}`
    }
    return `Run the HEALTHCHECK's command in the image, and mend what it finds. ${longer}`
  }
  const [first] = health.failed
  if (first === undefined || first.answer === null || first.answer.status === null) {
    return `${whereToListen(first?.check.port ?? 0, listeners)} ${longer}`
  }
  return first.check.strict
    ? `The endpoint's path has to answer with 2xx or 3xx. ${longer}`
    : `Any answer below 500 will do: mend what it prints, or give the endpoint another --path. ${longer}`
}

function whereToListen(port: number, listeners: readonly Listener[]): string {
  if (listeners.some(each => each.port === port && isLoopback(each))) {
    return `It listens on port ${port} for its own container only: make it listen on 0.0.0.0:${port}.`
  }
  const other = listeners.find(each => !isLoopback(each)) ?? listeners[0]
  if (other === undefined) {
    return `It has to listen on 0.0.0.0:${port} (not on 127.0.0.1); for another port: \`fairlead endpoints:modify … --port N\`, or EXPOSE it.`
  }
  const also = isLoopback(other) ? `, and make it listen on 0.0.0.0 instead of ${other.address}` : ''
  return `It listens on port ${other.port}: \`fairlead endpoints:modify … --port ${other.port}\` or EXPOSE ${other.port} in the Dockerfile, or have it listen on PORT${also}.`
}
