// How a Dockerfile is refused: always with the line.
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'

/** @param saw the line or the word that is to blame */
export function refuseDockerfile(line: number, reason: string, saw: string, hint: string): Problem {
  const shown = printable(saw).trim()
  return new Problem('dockerfile-invalid', {
    headline: `Dockerfile:${line}: ${reason}`,
    ...(shown !== '' && { saw: shown }),
    hint,
  })
}
