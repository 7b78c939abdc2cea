// The gateway's end of the three pipes of hooks/pre-receive: what is pushed (fd 3), words for the pusher (fd 4),
// the verdict (fd 5).
import type { Readable, Writable } from 'node:stream'
import { isRefName } from './ref-name.ts'

export interface RefUpdate {
  /** Full name, `refs/heads/master`. */
  readonly ref: string
  /** Commit id before; null when the ref is created. */
  readonly old: string | null
  /** Id after; null when the ref is deleted. */
  readonly new: string | null
}

export interface Push {
  readonly updates: readonly RefUpdate[]
  /** What was given with `git push -o`, in order: any text at all. */
  readonly options: readonly string[]
  /** Directory with the objects not yet accepted; null when the push brings none (it only deletes). */
  readonly quarantine: string | null
}

const MAX_HANDOVER = 16 * 1024 * 1024
const NONE = '0'.repeat(40)
const END = Buffer.from('\n\n')

/** What the hook hands over; null when git ended without running it. */
export async function readPush(fromHook: Readable): Promise<Push | null> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    fromHook.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length > MAX_HANDOVER) return reject(new Error('the hook handed over too much'))
      // Nothing follows the empty line, so only a text that ends with one can be whole.
      if (!received.subarray(-2).equals(END)) return
      try {
        const push = parsePush(received)
        if (push !== null) resolve(push)
      } catch (error) {
        reject(error)
      }
    })
    fromHook.once('error', () => resolve(null))
    fromHook.once('close', () => resolve(null))
  })
}

/** Null while the text is incomplete. @throws Error when it cannot be what the hook writes */
export function parsePush(text: Buffer): Push | null {
  let at = 0
  const line = () => {
    const end = text.indexOf(10, at)
    if (end === -1) return null
    const found = text.toString('utf8', at, end)
    at = end + 1
    return found
  }
  const options: string[] = []
  const updates: RefUpdate[] = []
  let quarantine: string | null = null
  for (let next = line(); next !== null; next = line()) {
    if (next === '') return { updates, options, quarantine }
    const sized = /^(quarantine|option) (\d+)$/.exec(next)
    if (sized && updates.length === 0) {
      const end = at + Number(sized[2])
      if (end >= text.length) return null
      const value = text.toString('utf8', at, end)
      at = end + 1
      if (sized[1] === 'option') options.push(value)
      else quarantine = value === '' ? null : value
    } else {
      updates.push(parseUpdate(next))
    }
  }
  return null
}

function parseUpdate(line: string): RefUpdate {
  const [, before, after, ref] = /^([0-9a-f]{40}) ([0-9a-f]{40}) (.+)$/.exec(line) ?? []
  if (before === undefined || after === undefined || ref === undefined || !isRefName(ref)) {
    throw new Error(`the hook handed over ${JSON.stringify(line.slice(0, 200))}`)
  }
  return { ref, old: before === NONE ? null : before, new: after === NONE ? null : after }
}

/** Text that may wait for a pusher who does not read, in bytes. More is dropped, and a line says so. */
const MAX_WAITING = 1024 * 1024

/** A function that sends raw text to the pusher through the hook; it does nothing once the hook is gone. */
export function sayThrough(toHook: Writable): (text: string) => void {
  toHook.on('error', () => {})
  let dropped = false
  return text => {
    if (toHook.writableEnded || toHook.destroyed) return
    if (toHook.writableLength > MAX_WAITING) {
      dropped = true
      return
    }
    if (dropped) toHook.write('\n       (some output was left out: your side reads too slowly)\n')
    dropped = false
    toHook.write(text)
  }
}

/** Ends the words and gives the verdict. Everything but `accept`, end-of-file included, refuses the push. */
export function giveVerdict(accept: boolean, toHook: { text: Writable; verdict: Writable }): void {
  for (const stream of [toHook.text, toHook.verdict]) stream.on('error', () => {})
  toHook.text.end()
  toHook.verdict.end(accept ? 'accept\n' : 'refuse\n')
}
