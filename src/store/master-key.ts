// The file that holds the master key: 32 random bytes in base64, one line, readable by its owner only.
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Problem } from '../domain/problem.ts'

const BYTES = 32
const BASE64 = /^[A-Za-z0-9+/]{43}=\n?$/

/**
 * @returns the key, null when there is no such file
 * @throws Problem `settings-invalid` when others may read it or it holds something else than a key
 */
export function readKey(path: string): Buffer | null {
  const file = openOrNull(path)
  if (file === null) return null
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) throw unreadable(path, 'it is not a file')
    const { mode } = stats
    if ((mode & 0o077) !== 0) {
      throw new Problem('settings-invalid', {
        headline: `${path} may be read by others`,
        saw: `its mode is ${(mode & 0o777).toString(8).padStart(4, '0')}`,
        hint: `Run \`chmod 600 ${path}\`, and think about who may have read it.`,
      })
    }
    const text = readFileSync(file, 'utf8')
    if (BASE64.test(text)) return Buffer.from(text, 'base64')
    throw new Problem('settings-invalid', {
      headline: `${path} does not hold a key`,
      saw: `${text.length} characters, where one line of 44 characters of base64 should be`,
      hint: `Put the file back from your backup. Only if no config and no credential was ever stored: remove it, and a new key is made.`,
    })
  } finally {
    closeSync(file)
  }
}

/** Makes the file. It appears whole or not at all, and one that is there already is never replaced. */
export function makeKey(path: string): Buffer {
  const key = randomBytes(BYTES)
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, `${key.toString('base64')}\n`)
    fsyncSync(file)
    linkSync(draft, path)
  } finally {
    closeSync(file)
    unlinkSync(draft)
  }
  // The key must not be lost by a power cut after the first config was sealed with it.
  const directory = openSync(dirname(path), 'r')
  fsyncSync(directory)
  closeSync(directory)
  return key
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw unreadable(path, (cause as Error).message)
  }
}

function unreadable(path: string, saw: string): Problem {
  return new Problem('settings-invalid', {
    headline: `${path} cannot be read`,
    saw,
    hint: 'Put the key file there from your backup, owned by the user that the gateway runs as, with mode 0600.',
  })
}
