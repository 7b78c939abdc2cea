// The end of a container's output, for a Problem. What cannot be read is no second failure.
import type { Engine } from '../domain/engine.ts'
import { plainLine } from '../domain/printable.ts'

const LINES = 20

export async function lastLines(engine: Engine, id: string, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = []
  try {
    await engine.logs(id, { follow: false, lines: LINES }, line => lines.push(plainLine(line)), signal)
  } catch {
    lines.push('(its output could not be read)')
  }
  return lines.slice(-LINES)
}
