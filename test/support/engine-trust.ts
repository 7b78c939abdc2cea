// Makes an authority known to this machine's engine for one registry, as an operator would.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'

const TRUSTED = '/etc/docker/certs.d'

/** Waits until whoever started it says so or is gone, and takes the trust back: also that of a run that was killed. */
const TAKE_BACK = `
const { rmSync, rmdirSync } = require('node:fs')
const [directory, made] = process.argv.slice(1)
process.stdin.resume().on('close', () => {
  rmSync(directory, { recursive: true, force: true })
  try { if (made) rmdirSync(made) } catch {}
})`

/**
 * Takes root, on the machine of the engine.
 * @param host as it stands in image names @param ca PEM
 * @returns takes it back
 */
export function trustOnEngine(host: string, ca: string): () => Promise<void> {
  const directory = join(TRUSTED, host)
  const guard = spawn(process.execPath, ['-e', TAKE_BACK, directory, existsSync(TRUSTED) ? '' : TRUSTED], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const over = once(guard, 'exit')
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'ca.crt'), ca)
  return async () => {
    guard.stdin?.end()
    await over
  }
}

/** An IPv4 address of this machine that is not loopback, where engines trust nobody unasked. */
export function ownAddress(): string {
  const all = networkInterfaces()
  const found = [...(all.docker0 ?? []), ...Object.values(all).flat()].find(
    each => each?.family === 'IPv4' && !each.internal,
  )
  if (found === undefined) throw new Error('this machine has no address besides loopback')
  return found.address
}
