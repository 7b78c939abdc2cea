// A candidate that did not become healthy, for whoever pushed it: what was asked, what came back, and what to do.
import type { Container } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import type { Health } from './health.ts'
import type { Answer } from './probe.ts'

type Unhealthy = Extract<Health, { kind: 'unhealthy' }>

/**
 * @param label `web.1`
 * @param output the container's last lines
 * @param seconds it had
 */
export function unhealthyProblem(
  label: string,
  health: Unhealthy,
  output: readonly string[],
  seconds: number,
  { state }: Pick<Container, 'state'> = { state: 'running' },
): Problem {
  const printed = output.length > 0 ? ['Its last output:', ...output] : ['It printed nothing.']
  return new Problem('health-check-failed', {
    phase: 'settle',
    headline:
      health.by === 'HEALTHCHECK' && health.last === 'unhealthy'
        ? `${label} is unhealthy by the HEALTHCHECK of its image`
        : `${label} did not become healthy within ${seconds} s`,
    saw: [...evidence(health), ...(state === 'running' ? [] : [`It is ${state}.`]), ...printed].join('\n'),
    hint: hint(health),
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

function hint(health: Unhealthy): string {
  const longer = 'One that needs longer: have an operator raise `healthy` in the stack file.'
  if (health.by === 'HEALTHCHECK') {
    return `Run the HEALTHCHECK's command in the image, and mend what it finds. ${longer}`
  }
  const [first] = health.failed
  if (first === undefined || first.answer === null || first.answer.status === null) {
    const port = first?.check.port
    return `It has to listen on 0.0.0.0:${port} (not on 127.0.0.1); for another port: \`fairlead endpoints:create … --port N\`, or EXPOSE it. ${longer}`
  }
  return first.check.strict
    ? `The endpoint's path has to answer with 2xx or 3xx. ${longer}`
    : `Any answer below 500 will do: mend what it prints, or give the endpoint another --path. ${longer}`
}
