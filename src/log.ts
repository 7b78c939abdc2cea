// The server's log: JSON lines through pino. What carries a secret by its name is redacted here, so that a careless
// log call shows nothing; Secrets print `[redacted]` by themselves.
import { type DestinationStream, pino } from 'pino'
import type { Log } from './domain/log.ts'
import { Problem } from './domain/problem.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const HIDDEN = ['password', 'token', 'authorization', 'Authorization', 'auth', 'authconfig', 'env', 'Env']

// pino hands a serializer more than the value.
const describe = (error: unknown) => describeError(error)

/** @param destination standard output when left out */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: HIDDEN.flatMap(name => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[redacted]',
    },
    serializers: { error: describe, err: describe, problem: describe },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/** A Problem without its stack, since it is no fault of the program; any other error with its causes, to a depth of 5. */
function describeError(error: unknown, depth = 5): unknown {
  if (!(error instanceof Error) || depth === 0) return error instanceof Error ? error.message : error
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause, depth - 1) }
  if (error instanceof Problem) {
    const { code, phase, headline, saw, hint } = error
    return { code, phase, headline, saw, hint, ...cause }
  }
  const errors =
    error instanceof AggregateError
      ? { errors: error.errors.map(each => describeError(each, depth - 1)) }
      : {}
  const { name, message, stack, code } = error as NodeJS.ErrnoException
  return { name, message, code, stack, ...errors, ...cause }
}
