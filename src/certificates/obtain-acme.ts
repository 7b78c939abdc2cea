// A certificate by ACME, or the Problem with it.
import { lookup } from 'node:dns/promises'
import type { Certificate } from '../domain/certificate.ts'
import type { Hostname } from '../domain/endpoint.ts'
import { Problem } from '../domain/problem.ts'
import { type Ordering, order } from './acme.ts'
import { acmeTrouble, tookTooLong, unfit } from './acme-trouble.ts'
import { readGiven, Unfit } from './given.ts'

/** For all of an order. Authorities take seconds, and minutes when they are busy. */
const MINUTES = 3

/** @throws Problem `certificate-failed`; Problem of the router; `signal.reason` */
export async function obtainAcme(
  ordering: Ordering,
  hostname: Hostname,
  signal: AbortSignal,
  now: () => Date,
): Promise<Certificate> {
  const { directory } = ordering
  const deadline = AbortSignal.timeout(MINUTES * 60_000)
  const asked = (addresses: readonly string[] | null) => ({ hostname, directory, addresses })
  try {
    const pem = await order(ordering, hostname, AbortSignal.any([signal, deadline]))
    const certificate = readGiven(pem, hostname, directory, now())
    if (certificate instanceof Unfit) throw unfit(asked(null), certificate.saw)
    return certificate
  } catch (error) {
    signal.throwIfAborted()
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
