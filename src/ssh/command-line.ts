// The one string that an SSH client sends as its command, as words. What does not fit is refused, never cleaned.
import { Problem } from '../domain/problem.ts'
import { splitWords, UnbalancedQuote } from '../domain/words.ts'

/** Bytes. The protocol's packets end at 35,000, and a longer one is cut off without a word. */
export const MAX_COMMAND_BYTES = 32 * 1024

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/
const QUOTED = /'[^']*'|"(?:\\[\s\S]|[^"\\])*"|\\[^\n\t]/g

/**
 * Words with the quotes of a POSIX shell, and nothing expanded. Line ends and tabs may only stand inside quotes.
 * @throws Problem `usage`
 */
export function splitCommandLine(text: string): string[] {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_COMMAND_BYTES) {
    throw new Problem('usage', {
      headline: `The command is ${bytes} bytes long, and at most ${MAX_COMMAND_BYTES} can be sent`,
      hint: 'Send long values through standard input, for example `config:set --env-file -`.',
    })
  }
  const control = CONTROL.exec(text)
  if (control !== null) {
    throw new Problem('usage', {
      headline: 'The command holds a control character',
      saw: `Character ${control.index + 1} is ${codePoint(control[0])}.`,
      hint: 'Leave it out. Line ends and tabs may stand inside quotes.',
    })
  }
  // The protocol layer puts U+FFFD in place of bytes that are not UTF-8: what was written is lost by now.
  const replaced = text.indexOf('\ufffd')
  if (replaced !== -1) {
    throw new Problem('usage', {
      headline: 'The command is not valid UTF-8',
      saw: `Character ${replaced + 1} could not be read.`,
      hint: 'Write it in UTF-8, or send the value through standard input, for example `config:set --env-file -`.',
    })
  }
  const words = split(text)
  if (/[\n\t]/.test(text.replace(QUOTED, ''))) {
    throw new Problem('usage', {
      headline: 'The command holds a line end or a tab outside quotes',
      hint: 'Send one command at a time, and put a value that holds line ends or tabs into quotes.',
    })
  }
  return words
}

function split(text: string): string[] {
  try {
    return splitWords(text)
  } catch (fault) {
    if (!(fault instanceof UnbalancedQuote)) throw fault
    throw new Problem('usage', {
      headline: 'The command cannot be split into words',
      saw: fault.message,
      hint: 'Close the quote. Your own shell takes one pair of quotes away before the command is sent.',
      cause: fault,
    })
  }
}

function codePoint(char: string): string {
  return `U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}
