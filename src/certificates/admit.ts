// Whether an endpoint can have its certificate in the way that was asked for.
import { endsSoon } from '../domain/certificate.ts'
import type { EndpointTls, Hostname } from '../domain/endpoint.ts'
import type { Admitted } from '../domain/endpoint-certificates.ts'
import { Problem } from '../domain/problem.ts'
import type { Secret } from '../domain/secret.ts'
import { readGiven, Unfit } from './given.ts'

export interface Asking {
  readonly hostname: Hostname
  readonly tls: EndpointTls
  /** What was given with `file`, else null. */
  readonly pem: Secret | null
  /** The gateway's address at ACME authorities, null when it has none. */
  readonly email: string | null
}

/** @throws Problem `endpoint-refused` */
export function admit({ hostname, tls, pem, email }: Asking, now: Date): Admitted {
  if (tls === 'acme' && email === null) throw withoutEmail(hostname)
  if (tls !== 'file') return { given: null, warnings: [] }
  if (pem === null) throw new Error('a certificate was promised and not given')
  const given = readGiven(pem, hostname, 'file', now)
  if (given instanceof Unfit) {
    throw new Problem('endpoint-refused', {
      headline: `The certificate in the file cannot be used for ${hostname}`,
      saw: given.saw,
      hint: given.hint,
    })
  }
  const warning = endsSoon(given, now)
  return { given, warnings: warning === null ? [] : [warning] }
}

function withoutEmail(hostname: Hostname): Problem {
  return new Problem('endpoint-refused', {
    headline: `No certificate can be ordered for ${hostname}: the gateway has no address at the authority`,
    saw: 'FAIRLEAD_ACME_EMAIL is not set.',
    hint: 'An operator has to set FAIRLEAD_ACME_EMAIL, which also agrees to the terms of the authority, and start the gateway again. Or use --tls internal or a file.',
  })
}
