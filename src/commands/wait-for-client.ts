// Output without end, and a client that reads slowly or not at all: who writes waits, or leaves something out. What a
// client does not take must not fill our memory.
import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Bytes that may wait for somebody who does not read, before words for them are left out. */
const MAX_WAITING = 1024 * 1024

/** A function that writes; its promise resolves when there is room for more, or the client has left. */
export function patiently(
  output: Writable,
  signal: AbortSignal,
): (text: string) => Promise<void> | undefined {
  // One wait for all who write to the stream, however many they are.
  let room: Promise<void> | null = null
  const untilRoom = async () => {
    try {
      await once(output, 'drain', { signal })
    } catch {
      // Left or closed: what is written now goes nowhere, and whoever writes is told by the signal.
    } finally {
      room = null
    }
  }
  return text => {
    if (output.write(text)) return undefined
    room ??= untilRoom()
    return room
  }
}

/** A function that never makes its caller wait: an operation goes on at its own pace. A line says what was left out. */
export function withoutWaiting(output: Writable): (text: string) => void {
  let dropped = false
  return text => {
    if (output.writableLength > MAX_WAITING) {
      dropped = true
      return
    }
    if (dropped) output.write('\n       (some output was left out: your side reads too slowly)\n')
    dropped = false
    output.write(text)
  }
}
