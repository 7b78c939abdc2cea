// Talks to HAProxy through the socket of its master process, which hands a command on to one of its workers: `@1` is the
// one that serves, `@!PID` any, old ones too. One connection per call; HAProxy closes it after `quit`.
import { connect } from 'node:net'
import { Problem } from '../domain/problem.ts'

/** Milliseconds without a word. HAProxy answers within a few, even when it is busy. */
const PATIENCE = 10_000
/** Bytes of one call: HAProxy reads a command into one buffer of 16 KiB. */
export const LONGEST_PAYLOAD = 15_000
/** So many commands are sent in one call. */
const BATCH = 50

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
      const answer = await exchange(socket, `${line(to, words)}\n`, signal)
      if (/^(?:Unknown command|Permission denied|Can't find)/.test(answer)) refuse(words.join(' '), answer)
      return answer
    },
    tell: async (to, commands, signal) => {
      for (let at = 0; at < commands.length; at += BATCH) {
        const batch = commands.slice(at, at + BATCH)
        const text = batch.map(words => `${line(to, words)}\n`).join('')
        refuse(batch.map(words => words.join(' ')).join('; '), await exchange(socket, text, signal))
      }
    },
    hand: async (words, lines, signal) => {
      if (lines.some(each => !/^[\x21-\x7e][\x20-\x7e]*$/.test(each))) {
        throw new TypeError('a payload has lines of printable characters only')
      }
      const text = `${line('worker', words)} <<\n${lines.join('\n')}\n\n`
      refuse(words.join(' '), await exchange(socket, text, signal))
    },
  }
}

function line(to: Addressee, words: readonly (string | number)[]): string {
  const stranger = words.find(word => !WORD.test(String(word)))
  if (stranger !== undefined) throw new TypeError('a word of a command has characters that it may not have')
  const prefix = to === 'master' ? '' : to === 'worker' ? '@1 ' : `@!${to.pid} `
  return prefix + words.join(' ')
}

/** @throws the system's error when nobody listens */
function exchange(socket: string, text: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const chunks: Buffer[] = []
    const connection = connect(socket)
    const abort = () => connection.destroy(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    connection.setTimeout(PATIENCE, () => connection.destroy(new Error('HAProxy did not answer in time')))
    connection.on('data', chunk => chunks.push(chunk))
    connection.on('error', error => reject(signal.aborted ? signal.reason : error))
    connection.on('close', () => {
      signal.removeEventListener('abort', abort)
      resolve(Buffer.concat(chunks).toString('utf8'))
    })
    connection.write(`${text}quit\n`)
  })
}
