// Stands between the pusher and git receive-pack, and reads along. It exists because git hands the pre-receive hook
// ref names it has not checked (a newline in one fakes further ref lines), runs the hook even for a push that it
// has already refused as shallow, and sets no limit to how much it reads before the pack begins.
import { Transform, type TransformCallback } from 'node:stream'
import { Problem } from '../domain/problem.ts'
import { isRefName } from './ref-name.ts'

/** Bytes for commands and push options together: some 40,000 refs. */
const MAX_HEADER = 4 * 1024 * 1024
const COMMAND = /^[0-9a-f]{40} [0-9a-f]{40} (.*)$/su
const SHALLOW = /^shallow [0-9a-f]{40}$/

export class PushGuard extends Transform {
  /** Set once the push is not to be accepted: nothing more reaches git, and its input ends. */
  refusal: Problem | null = null
  /** Commits at which the pusher's history is cut off. */
  shallow = 0
  readonly #maxBytes: number
  #section: 'commands' | 'options' | 'pack' = 'commands'
  #held: Buffer = Buffer.alloc(0)
  #optionsFollow = false
  #headerBytes = 0
  #packBytes = 0

  /** @param maxBytes of pack data */
  constructor(maxBytes: number) {
    super()
    this.#maxBytes = maxBytes
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.refusal === null) {
      if (this.#section === 'pack') this.#passPack(chunk)
      else this.#readHeader(chunk)
    }
    done()
  }

  override _flush(done: TransformCallback): void {
    if (this.refusal === null) this.push(this.#held)
    done()
  }

  #readHeader(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    let read = 0
    while (this.#section !== 'pack' && this.refusal === null) {
      const packet = this.#packetAt(read)
      if (packet === null) break
      read += packet
    }
    if (this.refusal !== null) return
    const rest = this.#held.subarray(read)
    if (read > 0) this.push(this.#held.subarray(0, read))
    this.#held = this.#section === 'pack' ? Buffer.alloc(0) : rest
    if (this.#section === 'pack') this.#passPack(rest)
  }

  /** Reads the packet that begins there. @returns its bytes, null when it has not arrived whole */
  #packetAt(start: number): number | null {
    if (this.#held.length - start < 4) return null
    const digits = this.#held.toString('latin1', start, start + 4)
    const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 1
    const bytes = Math.max(length, 4)
    if (length !== 0 && (length < 4 || length > 65_520)) this.#refuse(malformed('a broken packet'))
    else if (this.#headerBytes + bytes > MAX_HEADER) this.#refuse(tooManyRefs())
    if (this.refusal !== null || this.#held.length - start < bytes) return null
    this.#headerBytes += bytes
    if (length === 0) {
      this.#section = this.#section === 'commands' && this.#optionsFollow ? 'options' : 'pack'
    } else if (this.#section === 'commands') {
      const wrong = this.#readCommand(this.#held.subarray(start + 4, start + length))
      if (wrong !== null) this.#refuse(wrong)
    }
    return bytes
  }

  #readCommand(packet: Buffer): Problem | null {
    const nul = packet.indexOf(0)
    const abilities = nul === -1 ? '' : packet.toString('latin1', nul + 1)
    if (/(?:^|\s)push-options(?=\s|$)/.test(abilities)) this.#optionsFollow = true
    const line = packet.subarray(0, nul === -1 ? packet.length : nul).toString('utf8')
    const text = line.endsWith('\n') ? line.slice(0, -1) : line
    if (SHALLOW.test(text)) {
      this.shallow++
      return null
    }
    const ref = COMMAND.exec(text)?.[1]
    if (ref === undefined) return malformed('a command that is not about a ref')
    // Under refs/replace/ git would read other objects than those asked for.
    const sound = isRefName(ref) && !ref.includes('\ufffd') && !ref.startsWith('refs/replace/')
    return sound ? null : hostileRef(ref)
  }

  #passPack(chunk: Buffer): void {
    this.#packBytes += chunk.length
    // The chunk that goes over the limit is passed on: git, set to the same limit, then says so in its own report.
    if (chunk.length > 0) this.push(chunk)
    if (this.#packBytes > this.#maxBytes) this.#refuse(tooLarge(this.#maxBytes))
  }

  #refuse(problem: Problem): void {
    this.refusal = problem
    this.#held = Buffer.alloc(0)
    this.push(null)
  }
}

function malformed(what: string): Problem {
  return new Problem('name-invalid', {
    headline: 'The push could not be read',
    saw: `The client sent ${what}.`,
    hint: 'Push with an up-to-date git.',
  })
}

function hostileRef(ref: string): Problem {
  return new Problem('name-invalid', {
    headline: `${JSON.stringify(ref.slice(0, 80))} is not a name for a branch or tag`,
    hint: 'Push to a name that `git check-ref-format` accepts, for example refs/heads/master.',
  })
}

function tooManyRefs(): Problem {
  return new Problem('push-too-large', {
    headline: 'The push names more refs than the gateway reads at once',
    hint: 'Push fewer branches and tags at a time.',
  })
}

function tooLarge(maxBytes: number): Problem {
  return new Problem('push-too-large', {
    headline: `The push is larger than ${size(maxBytes)}, the most that this gateway accepts`,
    saw: `More than ${maxBytes} bytes of pack data arrived; nothing of them was kept.`,
    hint: 'Take large files out of the commits, or ask an operator to raise FAIRLEAD_MAX_PUSH.',
  })
}

function size(bytes: number): string {
  const [unit, name] =
    bytes >= 2 ** 30 ? [2 ** 30, 'GiB'] : bytes >= 2 ** 20 ? [2 ** 20, 'MiB'] : [2 ** 10, 'KiB']
  return `${Number((bytes / unit).toFixed(1))} ${name}`
}
