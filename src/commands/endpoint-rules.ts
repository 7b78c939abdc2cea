// What has to be so for an endpoint to be made or changed as it is asked for: the same rules for both.
import { isReached } from '../deploy/routing.ts'
import type { EndpointTls, Hostname } from '../domain/endpoint.ts'
import type { Admitted } from '../domain/endpoint-certificates.ts'
import { Problem } from '../domain/problem.ts'
import { Secret } from '../domain/secret.ts'
import type { AppCall } from './command.ts'
import { wholeText } from './first-line.ts'

/** Bytes: a key and a chain have a few thousand. */
const MAX_PEM = 256 * 1024

/** @throws Problem `endpoint-refused` */
export function refuseStack({ gateway, app }: AppCall): void {
  const { stack } = gateway.ground.stack(app.stack)
  if (isReached(stack)) return
  throw new Problem('endpoint-refused', {
    headline: `The router does not reach the containers of stack ${stack.name}`,
    saw: 'Its engine is on another machine, where the addresses of containers mean something only there.',
    hint: "Use an environment on a stack of the gateway's own machine, or put a router of your own beside that engine.",
  })
}

/**
 * Whether the hostname can have its certificate like that. Reads the one that is given from standard input.
 * @returns what was given, and lines to show
 * @throws Problem `endpoint-refused`, `usage`
 */
export async function admitTls(
  { gateway, stdin }: AppCall,
  hostname: Hostname,
  tls: EndpointTls,
): Promise<Admitted> {
  if (tls !== 'off' && gateway.settings.https === null) throw withoutHttps()
  const pem = tls === 'file' ? new Secret(await wholeText(stdin, MAX_PEM)) : null
  const { certificates } = gateway.ground
  if (certificates !== null) return certificates.admit(hostname, tls, pem)
  if (tls === 'off') return { given: null, warnings: [] }
  throw new Problem('endpoint-refused', {
    headline: 'This gateway gets no certificates',
    hint: 'Leave --tls out.',
  })
}

function withoutHttps(): Problem {
  return new Problem('endpoint-refused', {
    headline: 'This gateway takes no requests over HTTPS',
    saw: 'FAIRLEAD_HTTPS is not set.',
    hint: 'An operator has to set FAIRLEAD_HTTPS, for example to 0.0.0.0:443, and to start the gateway again. Or leave --tls out.',
  })
}
