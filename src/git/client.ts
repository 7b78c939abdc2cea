// Between the streams of a client, who may leave at any moment, and a git that must be allowed to end by itself.
import type { Readable, Writable } from 'node:stream'

/**
 * Copies until the source ends. A target that goes away does not stop the source: what comes is thrown away, since a
 * git that nobody reads would wait for ever, and one that is cut off would leave its temporary files. An abort does not
 * stop it either: when the gateway stops, the client is still there to read why.
 */
export function pourOut(source: Readable, target: Writable): void {
  const drain = () => {
    source.unpipe(target)
    source.resume()
  }
  target.on('error', drain)
  target.once('close', drain)
  source.pipe(target, { end: false })
  if (target.destroyed) drain()
  source.once('close', () => target.off('close', drain))
}

/** Copies the client's input. The target ends with it, however it ends: end-of-file, a cut connection, an abort. */
export function pourIn(source: Readable, target: Writable, signal: AbortSignal): void {
  const end = () => {
    source.unpipe(target)
    target.end()
  }
  target.on('error', () => source.unpipe(target))
  source.on('error', end)
  source.once('close', end)
  signal.addEventListener('abort', end, { once: true })
  source.pipe(target)
  if (signal.aborted || source.destroyed) end()
  target.once('close', () => {
    source.off('close', end)
    signal.removeEventListener('abort', end)
  })
}
