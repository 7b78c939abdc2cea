// Looks for a secret wherever it could have been written down: every spelling of it, in texts, files and processes.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** By the name of the spelling. */
export type Needles = ReadonlyMap<string, Buffer>

/**
 * In base64 it has '+' and '/', in URLs it is escaped, and every shell and format string would trip over it.
 * @param first what it begins with: tests of several files run at once on one machine, each with its own
 */
export function awkwardSecret(first: string): string {
  return `${first}>>>???~~~þÿ "it's" %s %41 $HOME \`id\` \\n ;& <p@ss/w+rd=#>`
}

/**
 * Every spelling in which a secret could have been written down.
 * @param username also as HTTP carries the login of this user
 */
export function spellings(secret: string, username?: string): Needles {
  const raw = Buffer.from(secret)
  const json = JSON.stringify(secret).slice(1, -1)
  const forms = new Map<string, string>([
    ['raw', secret],
    ['JSON', json],
    ['JSON with escapes', json.replace(/[^\x20-\x7e]/g, escaped)],
    ["Go's JSON", json.replace(/[<>&]/g, escaped)],
    ['URL', encodeURIComponent(secret)],
    ['form', new URLSearchParams({ p: secret }).toString().slice(2)],
    ['hex', raw.toString('hex')],
  ])
  // In base64 a text looks different by where in the whole it begins.
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([
      Buffer.alloc(shift),
      raw.subarray(0, raw.length - ((raw.length + shift) % 3)),
    ])
    const text = shifted.toString('base64').slice(shift === 0 ? 0 : 4)
    forms.set(`base64 ${shift}`, text)
    forms.set(`base64url ${shift}`, text.replaceAll('+', '-').replaceAll('/', '_'))
  }
  if (username !== undefined) {
    forms.set('Basic', Buffer.from(`${username}:${secret}`).toString('base64'))
  }
  return new Map([...forms].map(([name, text]) => [name, Buffer.from(text)]))
}

const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Names of the spellings that stand there. */
export function found(haystack: Buffer | string, needles: Needles): string[] {
  const bytes = Buffer.from(haystack as string)
  return [...needles].filter(([, needle]) => bytes.includes(needle)).map(([name]) => name)
}

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}

export interface Sighting {
  readonly file: 'cmdline' | 'environ'
  readonly command: string
  readonly forms: readonly string[]
  /** In a container: its processes have a numbering of their own. */
  readonly inContainer: boolean
}

/** Looks at the command line and environment of every process of the machine until the work is done. */
export async function watched<T>(
  work: Promise<T>,
  needles: Needles,
): Promise<{ result: T; sightings: Sighting[]; looks: number }> {
  const sightings = new Map<string, Sighting>()
  let looks = 0
  let over = false
  const result = work.finally(() => {
    over = true
  })
  result.catch(() => {})
  while (!over) {
    for (const pid of readdirSync('/proc')) {
      // This process holds the secret by itself.
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
      for (const file of ['cmdline', 'environ'] as const) {
        try {
          const forms = found(readFileSync(`/proc/${pid}/${file}`), needles)
          if (forms.length === 0) continue
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200)
          const inContainer = readlinkSync(`/proc/${pid}/ns/pid`) !== readlinkSync('/proc/self/ns/pid')
          sightings.set(`${file} ${pid}`, { file, command, forms, inContainer })
        } catch {
          // It has just ended.
        }
      }
    }
    looks += 1
    await delay(5)
  }
  return { result: await result, sightings: [...sightings.values()], looks }
}
