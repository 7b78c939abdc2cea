// Points in time as exact as an engine's log tells them: to the nanosecond, which a Date is not.

/** `2026-01-02T15:04:05.000000000Z`: always UTC and of one length, so that comparing the text compares the time. */
export type Instant = string

/** Before everything. */
export const EPOCH: Instant = '1970-01-01T00:00:00.000000000Z'

const RFC3339 = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/

/** Of RFC 3339, with any offset; null for anything else and for days that do not exist. */
export function parseInstant(text: string): Instant | null {
  const [, seconds, fraction = '', offset] = RFC3339.exec(text) ?? []
  if (seconds === undefined || offset === undefined) return null
  const local = Date.parse(`${seconds.toUpperCase()}Z`)
  // A day such as February 30 is read as one in March.
  if (Number.isNaN(local) || !sameDay(new Date(local), seconds)) return null
  const date = new Date(Date.parse(`${seconds.toUpperCase()}${offset.toUpperCase()}`))
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999 || date.getTime() < 0) return null
  return `${date.toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`
}

export function instantOf(date: Date): Instant {
  return `${date.toISOString().slice(0, -1)}000000Z`
}

/** Seconds since 1970 with nine decimals, the form in which engines take a time. */
export function unixTime(instant: Instant): string {
  return `${Date.parse(`${instant.slice(0, 19)}Z`) / 1000}.${instant.slice(20, 29)}`
}

export function secondsBefore(instant: Instant, seconds: number): Instant {
  const earlier = new Date(Math.max(0, Date.parse(`${instant.slice(0, 19)}Z`) - seconds * 1000))
  return `${earlier.toISOString().slice(0, 19)}${instant.slice(19)}`
}

function sameDay(date: Date, text: string): boolean {
  return date.toISOString().slice(0, 10) === text.slice(0, 10)
}
