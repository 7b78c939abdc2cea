// Whether the live release has a process of that name.
import { nearest } from '../domain/nearest.ts'
import { Problem } from '../domain/problem.ts'
import type { Process, Release } from '../domain/release.ts'

/** @throws Problem `not-found` */
export function knownProcess({ number, processes }: Release, name: string): Process {
  const found = processes.find(process => process.name === name)
  if (found !== undefined) return found
  const names = processes.map(process => process.name)
  const near = nearest(name, names)
  throw new Problem('not-found', {
    headline: `Release v${number} has no process ${JSON.stringify(name.slice(0, 40))}`,
    saw: `It has: ${names.join(', ')}`,
    hint: `${near === null ? '' : `Did you mean \`${near}\`? `}\`fairlead services\` lists them.`,
  })
}
