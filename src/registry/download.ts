// Fetches a file of credentials from the address that an app names, within limits of size and time.
import { untilAborted } from '../domain/until-aborted.ts'
import { uriFailed } from './download-trouble.ts'
import { openWire } from './exchange.ts'
import { fetchHttps } from './https-file.ts'
import { readFileBelow } from './local-file.ts'

export interface DownloadOptions {
  /** The directory below which `file:` addresses may lie; null: none may be used. */
  readonly filesDirectory: string | null
  /** PEM certificates of authorities trusted besides the usual ones. */
  readonly trustedCa?: string
  /** The most that a file may hold. Default 1 MiB. */
  readonly maxBytes?: number
  /** Milliseconds for one file in all. Default 30,000. */
  readonly deadline?: number
}

const MAX_BYTES = 1024 * 1024
const DEADLINE = 30_000

/**
 * @returns fetches one file, anew each time, as it is: what is compressed stays compressed.
 *   @throws Problem `registry-uri-failed`; `signal.reason` when aborted
 */
export function fileFetcher(options: DownloadOptions): (uri: URL, signal: AbortSignal) => Promise<Buffer> {
  const { filesDirectory, trustedCa, maxBytes = MAX_BYTES, deadline = DEADLINE } = options

  async function fetchFile(uri: URL, signal: AbortSignal): Promise<Buffer> {
    if (uri.protocol === 'file:') {
      // A disk on the network may answer never, and a read of it cannot be called off: it is left behind.
      return untilAborted(readFileBelow(filesDirectory, uri, maxBytes), signal)
    }
    const wire = openWire(signal, trustedCa)
    try {
      return await fetchHttps(uri, wire, maxBytes)
    } finally {
      wire.close()
    }
  }

  return async (uri, signal) => {
    signal.throwIfAborted()
    const timeout = AbortSignal.timeout(deadline)
    try {
      return await fetchFile(uri, AbortSignal.any([signal, timeout]))
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!timeout.aborted) throw error
      throw uriFailed(
        uri,
        `The whole file did not come within ${deadline / 1000} s.`,
        `Push again when ${uri.host || 'the disk that it lies on'} answers faster.`,
      )
    }
  }
}
