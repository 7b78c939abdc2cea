// The git remotes of the checkout around a directory, linked worktrees and submodules included.
import fs from 'node:fs'
import { dirname, resolve } from 'node:path'
import { findRoot, getConfig, listRemotes } from 'isomorphic-git'
import { Problem } from '../domain/problem.ts'

export interface Checkout {
  /** Where a push to this remote goes, null when there is no such remote. */
  remote(name: string): Promise<string | null>
  remoteNames(): Promise<string[]>
}

/**
 * @param sudoUid `SUDO_UID`: for root, the user who called sudo counts as the owner too
 * @returns null when no checkout surrounds the directory
 * @throws Problem `usage` when it belongs to another user, whose remote would get to see the words: git does the same
 */
export async function openCheckout(directory: string, sudoUid: string | undefined): Promise<Checkout | null> {
  const root = await findRoot({ fs, filepath: directory }).catch(() => null)
  if (root === null) return null
  const dotGit = resolve(root, '.git')
  refuseForeign(dotGit, sudoUid)
  const gitdir = configDirectory(dotGit)
  const read = async (path: string): Promise<string | null> => {
    const value: unknown = await getConfig({ fs, gitdir, path })
    return typeof value === 'string' && value !== '' ? value : null
  }
  return {
    remote: async name => (await read(`remote.${name}.pushurl`)) ?? (await read(`remote.${name}.url`)),
    remoteNames: async () => (await listRemotes({ fs, gitdir })).map(({ remote }) => remote),
  }
}

/** A linked worktree has a file `.git` that leads to its own directory, and from there to the one that all share. */
function configDirectory(dotGit: string): string {
  if (fs.statSync(dotGit).isDirectory()) return dotGit
  const target = /^gitdir: (.+)$/m.exec(fs.readFileSync(dotGit, 'utf8'))?.[1]
  if (target === undefined) return dotGit
  const own = resolve(dirname(dotGit), target)
  const shared = resolve(own, 'commondir')
  return fs.existsSync(shared) ? resolve(own, fs.readFileSync(shared, 'utf8').trim()) : own
}

function refuseForeign(dotGit: string, sudoUid: string | undefined): void {
  const me = process.getuid?.()
  const owner = fs.statSync(dotGit).uid
  const behindSudo = me === 0 ? Number(sudoUid ?? Number.NaN) : Number.NaN
  if (me === undefined || owner === me || owner === 0 || owner === behindSudo) return
  throw new Problem('usage', {
    headline: 'The checkout here belongs to another user, so its git remotes are not trusted',
    saw: `${dotGit} belongs to user id ${owner}, and you are ${me}.`,
    hint: 'Name the gateway yourself, with --remote ssh://git@HOST:PORT/ENVIRONMENT/APP.git or FAIRLEAD_REMOTE.',
  })
}
