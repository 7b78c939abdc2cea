// What an answer says, made fit to be shown: short, printable, and only where it is a registry that speaks.
import { STATUS_CODES } from 'node:http'
import type { Answer } from './exchange.ts'

const LONGEST = 200

export interface Words {
  /** `MANIFEST_UNKNOWN`, null when the answer is not in the registry's own form. */
  readonly code: string | null
  /** `404 Not Found, MANIFEST_UNKNOWN: manifest unknown`. */
  readonly text: string
}

/** The bodies of anything but a registry (web pages, internal services) are never repeated. */
export function wordsOf(answer: Answer): Words {
  const status = `${answer.status} ${STATUS_CODES[answer.status] ?? ''}`.trim()
  const body = fieldsOf(parseJson(answer.body))
  const error = fieldsOf(Array.isArray(body.errors) ? body.errors[0] : undefined)
  const code = typeof error.code === 'string' && /^[A-Za-z_]{1,40}$/.test(error.code) ? error.code : null
  // Login services use other names for it: Docker Hub says `details`, OAuth2 `error` and `error_description`.
  const message = [error.message, body.details, oauthWords(body)].find(text => typeof text === 'string')
  const said = [code, typeof message === 'string' ? printable(message) : null].filter(Boolean).join(': ')
  return { code, text: said === '' ? `${status}${pageType(answer)}` : `${status}, ${said}` }
}

function oauthWords({ error, error_description: description }: Readonly<Record<string, unknown>>): unknown {
  return typeof error === 'string' && typeof description === 'string' ? `${error}: ${description}` : error
}

/** JSON of a body, undefined for anything else. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** The fields of a JSON object; none for any other value. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** A foreign text on one line that cannot steer a terminal. */
export function printable(text: string): string {
  const line = text
    .slice(0, 4 * LONGEST)
    .replace(/\s+/g, ' ')
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
    .trim()
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}

/** `, a page of text/html`, for an answer that is not a registry's. */
function pageType(answer: Answer): string {
  const type = mediaTypeOf(answer)
  return type === null || answer.body.length === 0 ? '' : `, a page of ${printable(type)}`
}

/** Content-Type without its parameters, null when there is none. */
export function mediaTypeOf(answer: Answer): string | null {
  const type = answer.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  return type === undefined || type === '' ? null : type
}
