// How a command answers: lines and tables for people, JSON for programs.
import type { Writable } from 'node:stream'

export type Row = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

export interface Output {
  line(text?: string): void
  /** One object a row; columns are the names in the first row. With `--json` an array, otherwise a table. */
  rows(rows: readonly Row[], empty: string): void
  /** As it is: for text that a program reads. */
  raw(text: string): void
}

export function createOutput(stdout: Writable, json: boolean): Output {
  return {
    line: (text = '') => {
      stdout.write(`${text}\n`)
    },
    raw: text => {
      stdout.write(text)
    },
    rows(rows, empty) {
      if (json) stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
      else if (rows.length === 0) stdout.write(`${empty}\n`)
      else for (const line of table(rows)) stdout.write(`${line}\n`)
    },
  }
}

function table(rows: readonly Row[]): string[] {
  const columns = Object.keys(rows[0] ?? {})
  const cells = rows.map(row => columns.map(column => show(row[column] ?? null)))
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map(row => row[i]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(columns.map(column => column.toUpperCase())), ...cells.map(line)]
}

function show(value: Row[string]): string {
  if (value === null) return '-'
  if (Array.isArray(value)) return value.join(', ')
  return String(value)
}
