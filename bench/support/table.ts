// How every measurement here is printed: a Markdown table, so that it can stand in bench/README.md as it is.

export function printTable(rows: readonly Record<string, string | number>[]): void {
  const columns = Object.keys(rows[0] ?? {})
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  process.stdout.write(
    `${[line(columns), line(columns.map(() => '---')), ...rows.map(row => line(columns.map(column => row[column] ?? '')))].join('\n')}\n`,
  )
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

export const rounded = (number: number, digits = 0): string => number.toFixed(digits)

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** A row of a table, in milliseconds. */
export function rowOfTimes(what: string, numbers: readonly number[]) {
  return {
    what,
    median: `${rounded(median(numbers))} ms`,
    least: `${rounded(Math.min(...numbers))} ms`,
    most: `${rounded(Math.max(...numbers))} ms`,
    times: numbers.length,
  }
}

/** The row below two of times. */
export function rowOfRatio(ours: readonly number[], theirs: readonly number[]) {
  const ratio = rounded(median(ours) / median(theirs), 2)
  return { what: 'ratio of medians', median: ratio, least: '', most: '', times: '' }
}
