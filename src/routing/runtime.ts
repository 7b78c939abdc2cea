// Talks to HAProxy through the socket of its master process, which hands a command on to one of its workers: `@1` is the
// one that serves, `@!PID` any, old ones too. One connection per call; HAProxy closes it after `quit`.
import { connect } from 'node:net'
import { Problem } from '../domain/problem.ts'

/** Milliseconds without a word. HAProxy answers within a few, even when it is busy. */
const PATIENCE = 10_000
/** Bytes of one call: HAProxy reads a command into one buffer of 16 KiB. */
export const LONGEST_PAYLOAD = 15_000

/** Whom a command is for. */
export type Addressee = 'master' | 'worker' | { readonly pid: number }

/** What HAProxy says when a change was made, or was made before. All else is a refusal. */
const CONSENT =
  /^(?:|no need to change the addr.*|(?:IP|addr|port) changed .*|New empty certificate store .*|Transaction (?:created|updated|aborted) .*|Committing .*|Success!|Inserting certificate .*|Entry '.*' deleted.*!|Certificate '.*' deleted!)$/

/** One word of a command. What is not of these characters could end it and begin another. */
const WORD = /^[\w./:#+@-]+$/

export interface Runtime {
  /** Commands that answer. */
  ask(to: Addressee, words: readonly (string | number)[], signal: AbortSignal): Promise<string>
  /** Commands that change something, in their order. @throws Problem `router-failed` with what HAProxy says */
  tell(to: Addressee, commands: readonly (readonly (string | number)[])[], signal: AbortSignal): Promise<void>
  /** The same for one that has lines to follow. @param lines none of them empty */
  hand(words: readonly (string | number)[], lines: readonly string[], signal: AbortSignal): Promise<void>
}

export function createRuntime(socket: string): Runtime {
  const refuse = (told: string, answer: string) => {
    const saw = answer.split('\n').find(line => !CONSENT.test(line.trim()))
    if (saw === undefined) return
    throw new Problem('router-failed', {
      headline: `HAProxy refused what it was told: ${told}`,
      saw: saw.trim().slice(0, 500),
      hint: 'Try again. When it stays so, restart HAProxy: the gateway starts it again with all routes.',
    })
  }
  return {
    ask: async (to, words, signal) => {
      const [answer = ''] = await converse(socket, [`${line(to, words)}\n`], signal)
      if (/^(?:Unknown command|Permission denied|Can't find)/.test(answer)) refuse(words.join(' '), answer)
      return answer
    },
    tell: async (to, commands, signal) => {
      const answers = await converse(
        socket,
        commands.map(words => `${line(to, words)}\n`),
        signal,
      )
      for (const [at, words] of commands.entries()) refuse(words.join(' '), answers[at] ?? '')
    },
    hand: async (words, lines, signal) => {
      if (lines.some(each => !/^[\x21-\x7e][\x20-\x7e]*$/.test(each))) {
        throw new TypeError('a payload has lines of printable characters only')
      }
      const text = `${line('worker', words)} <<\n${lines.join('\n')}\n\n`
      const [answer = ''] = await converse(socket, [text], signal)
      refuse(words.join(' '), answer)
    },
  }
}

function line(to: Addressee, words: readonly (string | number)[]): string {
  const stranger = words.find(word => !WORD.test(String(word)))
  if (stranger !== undefined) throw new TypeError('a word of a command has characters that it may not have')
  const prefix = to === 'master' ? '' : to === 'worker' ? '@1 ' : `@!${to.pid} `
  return prefix + words.join(' ')
}

/** HAProxy ends an answer with an empty line, and none of those that we ask for has another. */
const isWhole = (answer: string) => answer === '\n' || answer.endsWith('\n\n')

/**
 * One command after the other, each when the one before was answered. Not all at once: a master of HAProxy 2.6 that is
 * sent more while a worker still gives a long answer at times forgets the connection, and after ten of these is mute.
 * @returns the answers, without the last ones where HAProxy breaks off, as it does when it is reloaded
 * @throws the system's error when nobody listens, Problem `router-unreachable` when nothing comes
 */
function converse(socket: string, commands: readonly string[], signal: AbortSignal): Promise<string[]> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const answers: string[] = []
    let chunks: Buffer[] = []
    const connection = connect(socket)
    const abort = () => connection.destroy(signal.reason)
    const next = () => {
      const command = commands[answers.length]
      if (command === undefined) connection.end('quit\n')
      else connection.write(command)
    }
    const take = () => {
      answers.push(Buffer.concat(chunks).toString('utf8'))
      chunks = []
    }
    signal.addEventListener('abort', abort, { once: true })
    connection.setTimeout(PATIENCE, () => connection.destroy(mute(socket)))
    connection.on('data', chunk => {
      chunks.push(chunk)
      if (answers.length === commands.length || !isWhole(Buffer.concat(chunks.slice(-2)).toString('latin1')))
        return
      take()
      if (answers.length === commands.length) resolve(answers)
      next()
    })
    connection.on('error', error => reject(signal.aborted ? signal.reason : error))
    connection.on('close', () => {
      signal.removeEventListener('abort', abort)
      if (chunks.length > 0) take()
      resolve(answers)
    })
    next()
  })
}

export function mute(socket: string): Problem {
  return new Problem('router-unreachable', {
    headline: 'HAProxy runs, but does not answer',
    saw: `Nothing came from ${socket} within ${PATIENCE / 1000} seconds.`,
    hint: 'Restart it: the gateway starts it again with all routes.',
  })
}
