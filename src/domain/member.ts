// Who may do what: the only place where it is decided. Pure, and asked by every command and every push.
import type { Handle } from './app.ts'
import { Problem } from './problem.ts'
import { coversSecret } from './secret-path.ts'

export type Role = 'observe' | 'deploy' | 'admin'
export const ROLES: readonly Role[] = ['observe', 'deploy', 'admin']

export interface Member {
  readonly id: number
  readonly name: Handle
  readonly operator: boolean
}

/** The person behind a session: only ever made after the signature of their key was verified. */
export interface Actor {
  readonly member: Member
  /** `SHA256:…` of the key that logged in. */
  readonly key: string
  /** Address the connection came from. */
  readonly address: string
  /** Role per environment id, for this member. */
  readonly roles: ReadonlyMap<number, Role>
  /** Paths of the secret store that this member was granted, each with all below it. */
  readonly secretPaths: readonly string[]
}

/**
 * What can be asked for, with the least role that may. `operator` stands above every environment; `grant` is a right
 * on a path of the secret store, whatever the role.
 */
export const ACTIONS = {
  'app:see': 'observe',
  'app:fetch': 'observe',
  'app:logs': 'observe',
  'app:deploy': 'deploy',
  'operation:cancel': 'deploy',
  'app:run': 'deploy',
  'config:read': 'deploy',
  'config:write': 'deploy',
  'registry:read': 'deploy',
  'registry:write': 'deploy',
  // As for apps: it decides under which names, of all that the gateway can have, the environment is seen from outside.
  'endpoint:manage': 'admin',
  'app:create': 'admin',
  'app:destroy': 'admin',
  'environment:see': 'observe',
  'environment:members': 'admin',
  'environment:registry': 'admin',
  'activity:see': 'admin',
  'environment:create': 'operator',
  'environment:destroy': 'operator',
  'members:manage': 'operator',
  'stacks:see': 'operator',
  'stacks:manage': 'operator',
  'gateway:mend': 'operator',
  'stack:registry': 'operator',
  'secret:use': 'grant',
  'secrets:grant': 'operator',
  'generator:add-docker': 'operator',
  'self:manage': 'anyone',
} as const satisfies Record<string, Role | 'operator' | 'grant' | 'anyone'>

export type Action = keyof typeof ACTIONS

/** Whether `actor` may do `action` in the environment of that id (null: outside any environment). */
export function may(actor: Actor, action: Action, environmentId: number | null): boolean {
  const needed = ACTIONS[action]
  if (actor.member.operator || needed === 'anyone') return true
  if (needed === 'operator' || needed === 'grant' || environmentId === null) return false
  const role = actor.roles.get(environmentId)
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/** Whether `actor` may use the secret of that path, and so write, see and delete it as well. */
export function maySecret(actor: Actor, path: string): boolean {
  return actor.member.operator || actor.secretPaths.some(granted => coversSecret(granted, path))
}

/**
 * The one authorisation function. What the actor may not even see is answered exactly like what does not exist.
 * @param target the environment (null: no such environment, or an action outside any) and the words for it
 * @throws Problem `app-not-found`, `environment-not-found` or `secret-not-found` (exists or not: same words), `forbidden`
 */
export function authorise(
  actor: Actor,
  action: Action,
  target:
    | { kind: 'gateway' }
    | { kind: 'environment' | 'app'; label: string; environmentId: number | null; exists: boolean }
    | { kind: 'secret'; path: string; exists: boolean },
): void {
  if (target.kind === 'gateway') {
    if (may(actor, action, null)) return
    throw forbidden(action, 'on this gateway')
  }
  if (target.kind === 'secret') {
    if (action === 'secret:use' && target.exists && maySecret(actor, target.path)) return
    throw secretNotFound(target.path)
  }
  const sees = target.environmentId !== null && may(actor, 'environment:see', target.environmentId)
  if (!target.exists || !sees) throw notFound(target.kind, target.label)
  if (!may(actor, action, target.environmentId)) throw forbidden(action, `in ${target.label}`)
}

function notFound(kind: 'environment' | 'app', label: string): Problem {
  return new Problem(`${kind}-not-found`, {
    headline: `${kind === 'app' ? 'App' : 'Environment'} ${label} was not found, or you may not see it`,
    hint: `Check the spelling with \`fairlead ${kind === 'app' ? 'apps' : 'environments'}\`, or ask an admin of the environment for a role.`,
  })
}

function secretNotFound(path: string): Problem {
  return new Problem('secret-not-found', {
    headline: `The secret ${path} was not found, or you have no right on its path`,
    hint: `Check the spelling with \`fairlead secrets\`, or ask an operator of the gateway for \`fairlead secrets:grant ${path} MEMBER\`.`,
  })
}

function forbidden(action: Action, where: string): Problem {
  const { needs, hint } = lacking(ACTIONS[action])
  return new Problem('forbidden', { headline: `You may not do this ${where}: it needs ${needs}`, hint })
}

function lacking(needed: (typeof ACTIONS)[Action]): { needs: string; hint: string } {
  switch (needed) {
    case 'operator':
      return { needs: 'an operator of the gateway', hint: 'Ask an operator of the gateway to do it.' }
    case 'grant':
      return {
        needs: 'a right on the path of a secret',
        hint: 'Ask an operator of the gateway for `fairlead secrets:grant`.',
      }
    default:
      return {
        needs: `the role ${needed}`,
        hint: `Ask an admin of the environment for \`fairlead members:add\` with --role ${needed}.`,
      }
  }
}
