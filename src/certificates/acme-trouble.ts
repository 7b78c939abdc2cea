// What an ACME authority said, or that it said nothing, as the Problem that a person reads.
import type { Hostname } from '../domain/endpoint.ts'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import { Refusal } from './refusal.ts'

export interface Asked {
  readonly hostname: Hostname
  /** The authority's directory. */
  readonly directory: string
  /** Where the hostname leads, as it is looked up here; null when that is not known. */
  readonly addresses: readonly string[] | null
}

const MOST_SAID = 400

const SILENT: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up',
  ECONNREFUSED: 'it refuses the connection',
  ECONNRESET: 'it cut the connection',
  EPIPE: 'it cut the connection',
  ETIMEDOUT: 'it did not answer in time',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
}

/** @returns Problem `certificate-failed`, whatever it was: what is no Problem would be tried again too soon */
export function acmeTrouble(error: unknown, asked: Asked): Problem {
  if (error instanceof Refusal) return refused(error, asked)
  const { directory } = asked
  const { host } = new URL(directory)
  const code = String((error as { code?: unknown } | null)?.code ?? '')
  const silent = SILENT[code]
  if (silent !== undefined) {
    return trouble(error, {
      headline: `The authority ${host} could not be asked: ${silent}`,
      saw: `${directory}: ${code}`,
      hint: 'See that the gateway may reach it over HTTPS, or correct FAIRLEAD_ACME.',
    })
  }
  if (/^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO)/.test(code)) {
    return trouble(error, {
      headline: `No safe connection to the authority ${host}`,
      saw: `TLS with ${host} failed (${code}).`,
      hint: 'If it is an authority of your own, name the file with its certificate in FAIRLEAD_ACME_CA.',
    })
  }
  if (error instanceof Error && /ACME directory|API resource URL|Cannot read prop/.test(error.message)) {
    return notAcme(error, directory)
  }
  return trouble(error, {
    headline: `${host} answers in a way that was not expected`,
    saw: printable(error instanceof Error ? error.message : String(error), MOST_SAID),
    hint: 'Operators find more in the log.',
  })
}

export function tookTooLong({ hostname, directory }: Asked, minutes: number): Problem {
  const { host } = new URL(directory)
  return trouble(undefined, {
    headline: `${host} did not sign for ${hostname} in time`,
    saw: `The order was not done after ${minutes} minutes.`,
    hint: 'Wait: it may be busy, and be quicker the next time.',
  })
}

/** @param saw a sentence about the certificate that came */
export function unfit({ hostname, directory }: Asked, saw: string): Problem {
  const { host } = new URL(directory)
  return trouble(undefined, {
    headline: `${host} gave a certificate that cannot be used for ${hostname}`,
    saw,
    hint: 'Ask whoever runs the authority, or name another one in FAIRLEAD_ACME.',
  })
}

function refused(refusal: Refusal, asked: Asked): Problem {
  const { hostname, directory } = asked
  const { host } = new URL(directory)
  const said = saidBy(refusal)
  const here = whereTo(asked)
  const because = (headline: string, hint: string, saw = said) => trouble(refusal, { headline, saw, hint })
  switch (kindOf(refusal)) {
    case 'connection':
      return because(
        `${host} could not reach ${hostname} over HTTP`,
        `Let ${hostname} point to the public address of this gateway, and port 80 there to its router.`,
        `${said} ${here}`,
      )
    case 'dns':
      return because(
        `${host} finds no address for ${hostname}`,
        `Add a DNS record that lets ${hostname} point to the public address of this gateway.`,
        `${said} ${here}`,
      )
    case 'unauthorized':
    case 'incorrectResponse':
    case 'tls':
      return because(
        `${hostname} leads somewhere else than to this gateway`,
        `Let ${hostname} point to the public address of this gateway alone (A and AAAA), with no proxy that answers in its place.`,
        `${said} ${here}`,
      )
    case 'caa':
      return because(
        `A CAA record in the DNS forbids ${host} to sign for ${hostname}`,
        `Add a CAA record for ${hostname} that allows it, or name an allowed authority in FAIRLEAD_ACME.`,
      )
    case 'rejectedIdentifier':
    case 'unsupportedIdentifier':
      return because(
        `${host} does not sign for ${hostname}`,
        'Public authorities sign for public names only. For any other name use --tls internal or a file.',
      )
    case 'rateLimited':
      return because(
        `${host} limits how often it is asked`,
        'Wait, and ask for nothing meanwhile: it counts each order, also one for an endpoint that is made anew.',
        refusal.wait === null ? said : `${said} It wants to be left alone for ${refusal.wait} s.`,
      )
    case 'invalidContact':
    case 'unsupportedContact':
      return because(
        `${host} does not take the address in FAIRLEAD_ACME_EMAIL`,
        'Correct FAIRLEAD_ACME_EMAIL, and start the gateway again.',
      )
    case 'externalAccountRequired':
      return because(
        `${host} wants an account that was made with it beforehand`,
        "Name an authority in FAIRLEAD_ACME that does not, such as Let's Encrypt.",
      )
    case 'userActionRequired':
      return because(`${host} wants something of you first`, 'Do what it says.')
  }
  if (refusal.status !== null && refusal.status >= 500) {
    return because(`${host} failed by itself (${refusal.status})`, 'Wait until it has recovered.')
  }
  if (refusal.kind === null && refusal.status !== null) return notAcme(refusal, directory)
  return because(`${host} gave no certificate for ${hostname}`, 'Do what it says.')
}

/** Caddy's authority calls a wrong proof an identifier that it does not sign for. */
function kindOf({ kind, status }: Refusal): string | null {
  const isOutcome = status === null
  return kind === 'rejectedIdentifier' && isOutcome ? 'unauthorized' : kind
}

function notAcme(cause: Error, directory: string): Problem {
  const status = cause instanceof Refusal && cause.status !== null ? ` (${cause.status})` : ''
  return trouble(cause, {
    headline: `There is no ACME directory at ${directory}`,
    saw: `What answers there does not speak ACME${status}.`,
    hint: 'Correct FAIRLEAD_ACME, and start the gateway again.',
  })
}

function saidBy({ kind, message }: Refusal): string {
  const words = printable(message.trim(), MOST_SAID)
  const of = kind === null ? '' : ` (${printable(kind)})`
  return words === '' ? `It gave no reason${of}.` : `It said: "${words}"${of}.`
}

function whereTo({ hostname, addresses }: Asked): string {
  return addresses === null || addresses.length === 0
    ? `Here, no address is known for ${hostname}.`
    : `Here, ${hostname} leads to ${addresses.slice(0, 4).join(', ')}.`
}

function trouble(cause: unknown, words: { headline: string; saw: string; hint: string }): Problem {
  return new Problem('certificate-failed', { ...words, cause })
}
