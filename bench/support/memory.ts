// What processes hold of this machine's memory, as /proc tells.
import { readFileSync } from 'node:fs'

/** @returns kibibytes, e.g. of `VmRSS` @throws when the process has ended */
export function memoryOf(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
}

/** @returns ids of a process and of those that it has started */
export function withChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
  return [pid, ...children.filter(Boolean).map(Number)]
}

export function mebibytes(kibibytes: number): string {
  return `${(kibibytes / 1024).toFixed(0)} MiB`
}
