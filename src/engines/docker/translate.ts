// What goes wrong between us and an engine, put into words for people. Only errors of sockets, TLS and the
// engine's own answers become a Problem; anything else is a bug of ours and passes through as it is.
import { engineHangs } from '../../domain/engine-hangs.ts'
import { Problem } from '../../domain/problem.ts'

interface EngineError {
  /** HTTP status of the engine's answer. */
  readonly statusCode?: number
  readonly json?: unknown
  /** System or TLS error code. */
  readonly code?: string
  readonly message: string
}

const NOT_REACHED = /^(E[A-Z]+|ERR_(TLS|SSL|SOCKET)_\w+|\w*CERT\w*|UNABLE_TO_\w+|HPE_\w+)$/

/** HTTP status of the engine's answer, null when the error is no answer of the engine. */
export function statusOf(error: unknown): number | null {
  return isError(error) && typeof error.statusCode === 'number' ? error.statusCode : null
}

/** Turns answers of these statuses into `undefined`: `.catch(accept(404))` for what may be gone already. */
export function accept(...statuses: number[]): (error: unknown) => undefined {
  return error => {
    const status = statusOf(error)
    if (status === null || !statuses.includes(status)) throw error
  }
}

/** The engine's own message, without the client library's `(HTTP code 404) no such container - ` around it. */
export function engineWords(error: unknown): string {
  if (!isError(error)) return String(error)
  const message = (error.json as { message?: unknown } | null | undefined)?.message
  if (typeof message === 'string') return message.trim()
  return error.message.replace(/^\(HTTP code \d+\) .*? - /, '').trim()
}

/**
 * @param doing what was attempted, in the infinitive: `create container x`
 * @returns a Problem, or the error itself when it is none of the engine's
 */
export function translate(error: unknown, doing: string, stack: string): unknown {
  if (error instanceof Problem || !isError(error)) return error
  if (statusOf(error) === null) {
    return NOT_REACHED.test(error.code ?? '') ? unreachable(error, stack) : error
  }
  const words = engineWords(error)
  return diskFull(words, stack, error) ?? engineFailed(doing, words, stack, error)
}

/** Null unless the engine's words say that its disk is full. */
export function diskFull(words: string, stack: string, cause?: unknown): Problem | null {
  if (!/no space left on device/i.test(words)) return null
  return new Problem('engine-disk-full', {
    headline: `The Docker engine of stack ${stack} has no space left on its disk`,
    saw: words,
    hint: 'Ask the operator of the gateway to free space on the engine, then try again.',
    cause,
  })
}

export function engineFailed(doing: string, words: string, stack: string, cause?: unknown): Problem {
  return new Problem('engine-failed', {
    headline: `The Docker engine of stack ${stack} could not ${doing}`,
    saw: words,
    hint: 'Try again. If it stays so, ask the operator of the gateway, who can read more in its log.',
    cause,
  })
}

/** @param within milliseconds that it was waited for */
export function silent(doing: string, within: number, stack: string): Problem {
  return engineHangs(stack, `It was asked to ${doing}, and has not answered within ${within / 1000} seconds`)
}

function unreachable(error: EngineError, stack: string): Problem {
  return new Problem('engine-unreachable', {
    headline: `The Docker engine of stack ${stack} does not answer`,
    saw: error.message,
    hint: `Try again in a minute. For the operator: ${whatToCheck(error.code ?? '')}`,
    cause: error,
  })
}

function whatToCheck(code: string): string {
  if (code === 'EACCES' || code === 'EPERM') {
    return "the gateway's user may not open the engine's socket; add that user to the socket's group."
  }
  if (/CERT|TLS|SSL|UNABLE_TO|EPROTO/.test(code)) {
    return "the engine and the gateway do not accept each other's certificate; check ca, cert, key and host in the stack file."
  }
  return "check that the engine runs and that the stack file's address is right."
}

function isError(error: unknown): error is Error & EngineError {
  return error instanceof Error
}
