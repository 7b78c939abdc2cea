// How long a registry asks to be left alone (RFC 9110, section 10.2.3).
import type { Answer } from './exchange.ts'

/** Retry-After in seconds, null when it is not there or not to be believed (more than a day). */
export function retryAfter(answer: Answer): number | null {
  const text = answer.headers['retry-after'] ?? ''
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1000)
  return seconds >= 0 && seconds <= 86_400 ? seconds : null
}
