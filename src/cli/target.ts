// Which gateway gets the words, and which app they are about unless they say otherwise.
import { Problem } from '../domain/problem.ts'
import { DEFAULT_REMOTE, isAddress, parseRemote, type Remote } from './remote.ts'
import type { Variables } from './ssh.ts'

export interface Target extends Remote {
  /** How it was found, for the sentence that explains a failed connection. */
  readonly origin: string
}

export const DEFAULT_ORIGIN =
  'No --remote and no FAIRLEAD_REMOTE were given and no git remote named aptible is here, so this is the default'

/**
 * In this order: `--remote`, `FAIRLEAD_REMOTE`, the git remote named `aptible`, the default address.
 * @param chosen `--remote`: a name or an address, as in `FAIRLEAD_REMOTE`
 * @throws Problem `usage`, `name-invalid`
 */
export async function findTarget(chosen: string | null, env: Variables, directory: string): Promise<Target> {
  const wanted = chosen ?? (env.FAIRLEAD_REMOTE || undefined)
  const via = chosen === null ? 'FAIRLEAD_REMOTE' : '--remote'
  if (wanted !== undefined && isAddress(wanted)) return { ...parseRemote(wanted, via), origin: `From ${via}` }

  const { openCheckout } = await import('./checkout.ts')
  const checkout = await openCheckout(directory, env.SUDO_UID)
  const name = wanted ?? 'aptible'
  const address = await checkout?.remote(name)
  if (address !== null && address !== undefined) {
    const origin = `The git remote ${name}`
    return { ...parseRemote(address, origin), origin: `From the git remote ${name}` }
  }
  if (wanted === undefined) return { ...parseRemote(DEFAULT_REMOTE, 'The default'), origin: DEFAULT_ORIGIN }

  const names = await checkout?.remoteNames()
  throw new Problem('usage', {
    headline: `There is no git remote named ${JSON.stringify(name)}, which ${via} asks for`,
    saw: names === undefined ? 'No git checkout here.' : `Remotes here: ${names.join(', ') || 'none'}.`,
    hint: 'Add it with `git remote add`, or give an address: ssh://git@HOST:PORT/ENVIRONMENT/APP.git.',
  })
}
