// A file of a commit is larger than its reader is ready to hold. The caller knows what that means for the pusher.

export class TooLarge extends Error {
  override readonly name = 'TooLarge'
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Bytes. */
  readonly limit: number

  constructor(path: string, size: number, limit: number) {
    super(`${path} has ${size} bytes, more than ${limit}`)
    this.path = path
    this.size = size
    this.limit = limit
  }
}
