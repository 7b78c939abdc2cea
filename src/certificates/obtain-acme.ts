// A certificate by ACME, or the Problem with it, and lines for whoever waits for it.
import { lookup } from 'node:dns/promises'
import type { Certificate } from '../domain/certificate.ts'
import type { Hostname } from '../domain/endpoint.ts'
import type { Tell } from '../domain/endpoint-certificates.ts'
import { Problem } from '../domain/problem.ts'
import { type Ordering, order, type Step } from './acme.ts'
import { acmeTrouble, tookTooLong, unfit } from './acme-trouble.ts'
import { readGiven, Unfit } from './given.ts'

/** For all of an order. Authorities take seconds, and minutes when they are busy. */
const MINUTES = 3

const BEGUN: Readonly<Record<Step, (hostname: Hostname, host: string) => string>> = {
  order: (hostname, host) => `-----> Ordering a certificate for ${hostname} from ${host}`,
  proof: (hostname, host) => `       ${host} asks ${hostname} over HTTP whether it is ours`,
  signature: hostname => `       ${hostname} proved to be ours`,
}

const ENDED: typeof BEGUN = {
  order: (_, host) => `       It ended at step 1 of 3: ${host} took no order`,
  proof: hostname => `       It ended at step 2 of 3: ${hostname} was not proved to be ours`,
  signature: (_, host) => `       It ended at step 3 of 3: ${host} did not sign`,
}

/** @throws Problem `certificate-failed`; Problem of the router; `signal.reason` */
export async function obtainAcme(
  ordering: Ordering,
  hostname: Hostname,
  signal: AbortSignal,
  now: () => Date,
  tell: Tell = () => {},
): Promise<Certificate> {
  const { directory } = ordering
  const { host } = new URL(directory)
  let step: Step = 'order'
  const begun = (next: Step) => {
    step = next
    tell(BEGUN[step](hostname, host))
  }
  const deadline = AbortSignal.timeout(MINUTES * 60_000)
  const asked = (addresses: readonly string[] | null) => ({ hostname, directory, addresses })
  try {
    const pem = await order(ordering, hostname, AbortSignal.any([signal, deadline]), begun)
    const certificate = readGiven(pem, hostname, directory, now())
    if (certificate instanceof Unfit) throw unfit(asked(null), certificate.saw)
    tell(`       ${host} signed for it until ${certificate.notAfter.slice(0, 10)}`)
    return certificate
  } catch (error) {
    signal.throwIfAborted()
    tell(ENDED[step](hostname, host))
    if (deadline.aborted) throw tookTooLong(asked(null), MINUTES)
    if (error instanceof Problem) throw error
    throw acmeTrouble(error, asked(await addressesOf(hostname)))
  }
}

async function addressesOf(hostname: Hostname): Promise<readonly string[] | null> {
  try {
    return (await lookup(hostname, { all: true })).map(({ address }) => address)
  } catch {
    return null
  }
}
