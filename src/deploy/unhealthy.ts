// A candidate that did not become healthy, for whoever pushed it: what was asked, what came back, and what to do.
import type { Listener } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import type { Health } from './health.ts'
import type { Answer } from './probe.ts'

type Unhealthy = Extract<Health, { kind: 'unhealthy' }>

/**
 * @param label `web.1`
 * @param output the container's last lines
 * @param seconds it had
 * @param listeners where it listens, null where that cannot be known
 */
export function unhealthyProblem(
  label: string,
  health: Unhealthy,
  output: readonly string[],
  seconds: number,
  listeners: readonly Listener[] | null,
): Problem {
  const printed = output.length > 0 ? ['Its last output:', ...output] : ['It printed nothing.']
  return new Problem('health-check-failed', {
    phase: 'settle',
    headline:
      health.by === 'HEALTHCHECK' && health.last === 'unhealthy'
        ? `${label} is unhealthy by the HEALTHCHECK of its image`
        : `${label} did not become healthy within ${seconds} s`,
    saw: [...evidence(health), ...listenersInWords(health, listeners), ...printed].join('\n'),
    hint: hint(health, listeners ?? []),
  })
}

function evidence(health: Unhealthy): string[] {
  if (health.by === 'HEALTHCHECK') return [`The HEALTHCHECK of its image says: ${health.last}`]
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

function listenersInWords(health: Unhealthy, listeners: readonly Listener[] | null): string[] {
  if (health.by === 'HEALTHCHECK' || listeners === null) return []
  if (listeners.length === 0) return ['It listens on no TCP port.']
  const places = listeners.map(
    ({ address, port }) => `${address.includes(':') ? `[${address}]` : address}:${port}`,
  )
  return [`It listens on ${[...new Set(places)].join(', ')}`]
}

const isLoopback = ({ address }: Listener) => address.startsWith('127.') || address === '::1'

function hint(health: Unhealthy, listeners: readonly Listener[]): string {
  const longer = 'One that needs longer: have an operator raise `healthy` in the stack file.'
  if (health.by === 'HEALTHCHECK') {
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
    return `It has to listen on 0.0.0.0:${port} (not on 127.0.0.1); for another port: \`fairlead endpoints:create … --port N\`, or EXPOSE it.`
  }
  const also = isLoopback(other) ? `, and make it listen on 0.0.0.0 instead of ${other.address}` : ''
  return `It listens on port ${other.port}: \`fairlead endpoints:create … --port ${other.port}\` or EXPOSE ${other.port} in the Dockerfile, or have it listen on PORT${also}.`
}
