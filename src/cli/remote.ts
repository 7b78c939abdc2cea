// Where a gateway is and which app is meant, read from the address of a git remote. It may come from a checkout that
// somebody else made, so that only harmless characters pass: nothing in it can become an option of ssh.
import { type AppName, parseAppPath } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'

export interface Remote {
  /** `git@localhost`, or the bare host where the address names no user. */
  readonly destination: string
  /** Null: what ssh's own configuration says. */
  readonly port: number | null
  /** Null where the address names a gateway only, e.g. `ssh://git@localhost:2222`. */
  readonly app: AppName | null
}

export const DEFAULT_REMOTE = 'ssh://git@localhost:2222'

const HOST = String.raw`(?<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])`
const USER = '(?:(?<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@)?'
const URL_FORM = new RegExp(`^ssh://${USER}${HOST}(?::(?<port>[0-9]{1,5}))?(?:/(?<path>.*))?$`)
const SCP_FORM = new RegExp(`^${USER}${HOST}:(?<path>.+)$`)

/** Whether the text is an address rather than the name of a git remote. */
export function isAddress(text: string): boolean {
  return text.includes(':')
}

/**
 * Reads `ssh://git@host:2222/env/app.git`, `git@host:env/app.git`, and the first of them without a path.
 * @param origin where the address stands, for the message: `The git remote aptible`
 * @throws Problem `usage`; `name-invalid` when the path does not name an app
 */
export function parseRemote(address: string, origin: string): Remote {
  const groups = (URL_FORM.exec(address) ?? (address.includes('://') ? null : SCP_FORM.exec(address)))?.groups
  const port = groups?.port === undefined ? null : Number(groups.port)
  if (groups?.host === undefined || (port !== null && (port < 1 || port > 65535))) {
    throw new Problem('usage', {
      headline: `${origin} is not the address of a gateway`,
      saw: withoutPassword(address),
      hint: 'Write it as ssh://git@HOST:PORT/ENVIRONMENT/APP.git or git@HOST:ENVIRONMENT/APP.git.',
    })
  }
  const host = groups.host.replace(/^\[(.*)\]$/, '$1')
  return {
    destination: groups.user === undefined ? host : `${groups.user}@${host}`,
    port,
    app: groups.path === undefined || groups.path === '' ? null : parseAppPath(groups.path),
  }
}

/** For people: `git@localhost:2222`. */
export function formatRemote(remote: Remote): string {
  return remote.port === null ? remote.destination : `${remote.destination}, port ${remote.port}`
}

/** An https remote may well carry a password. */
function withoutPassword(address: string): string {
  return JSON.stringify(address.slice(0, 200).replace(/\/\/[^/]*@/, '//…@'))
}
