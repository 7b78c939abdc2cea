// What the actor of an operation sees while it runs.

export interface Transcript {
  /** A finished line: shown, and kept with the operation. No line ends inside. */
  line(text: string): void
  /** A passing state (`layer 3 of 7, 42%`): shown by overwriting the line, at most once a second, and not kept. */
  progress(text: string): void
}
