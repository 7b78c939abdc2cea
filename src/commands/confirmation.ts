// What cannot be undone is done only when the name of what it is about was typed.
import { Problem } from '../domain/problem.ts'
import { text } from './call.ts'
import type { Call } from './command.ts'
import { firstLine } from './first-line.ts'

/** Bytes. */
const MAX_ANSWER = 200

export interface Risk {
  /** What has to be typed. */
  readonly handle: string
  /** A sentence: what is lost. */
  readonly warning: string
  /** A sentence without its full stop, for when it is not done: `my-env/my-app was not destroyed`. */
  readonly refused: string
  /** What goes on as before. */
  readonly runs: string
}

/** Takes `--confirm HANDLE`, or asks. @throws Problem `not-confirmed` */
export async function confirm({ session, options }: Call, risk: Risk): Promise<void> {
  const { handle, warning, refused, runs } = risk
  const answer = text(options.confirm) ?? (await ask(session, warning))
  if (answer.trim() === handle) return
  throw new Problem('not-confirmed', {
    headline: refused,
    saw: answer === '' ? 'No answer.' : `The answer ${JSON.stringify(answer.slice(0, 40))}.`,
    runs,
    hint: `Type the app's handle, ${handle}, or add --confirm ${handle}.`,
  })
}

async function ask({ stdin, stderr, signal }: Call['session'], warning: string): Promise<string> {
  stderr.write(`${warning}\nType its handle to go on: `)
  return (await firstLine(stdin, MAX_ANSWER, signal)) ?? ''
}
