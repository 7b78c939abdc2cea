// A person's terminal: its size and its kind, as the client states them.

export interface TerminalSize {
  /** 1 to 65,535, as `rows`. */
  readonly columns: number
  readonly rows: number
}
