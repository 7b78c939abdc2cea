// Who may do what: the only place where it is decided. Pure, and asked by every command and every push.
import type { Handle } from './app.ts'
import { Problem } from './problem.ts'

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
}

/** What can be asked for, with the least role that may. `operator` stands above every environment. */
export const ACTIONS = {
  'app:see': 'observe',
  'app:fetch': 'observe',
  'app:logs': 'observe',
  'app:deploy': 'deploy',
  'config:read': 'deploy',
  'config:write': 'deploy',
  'app:create': 'admin',
  'app:destroy': 'admin',
  'environment:see': 'observe',
  'environment:members': 'admin',
  'environment:create': 'operator',
  'environment:destroy': 'operator',
  'members:manage': 'operator',
  'stacks:see': 'operator',
  'stacks:manage': 'operator',
  'self:manage': 'anyone',
} as const satisfies Record<string, Role | 'operator' | 'anyone'>

export type Action = keyof typeof ACTIONS

/** Whether `actor` may do `action` in the environment of that id (null: outside any environment). */
export function may(actor: Actor, action: Action, environmentId: number | null): boolean {
  const needed = ACTIONS[action]
  if (actor.member.operator || needed === 'anyone') return true
  if (needed === 'operator' || environmentId === null) return false
  const role = actor.roles.get(environmentId)
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/**
 * The one authorisation function. What the actor may not even see is answered exactly like what does not exist.
 * @param target the environment (null: no such environment, or an action outside any) and the words for it
 * @throws Problem `app-not-found` or `environment-not-found` (exists or not: same words), `forbidden`
 */
export function authorise(
  actor: Actor,
  action: Action,
  target:
    | { kind: 'gateway' }
    | { kind: 'environment' | 'app'; label: string; environmentId: number | null; exists: boolean },
): void {
  if (target.kind === 'gateway') {
    if (may(actor, action, null)) return
    throw forbidden(action, 'on this gateway')
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

function forbidden(action: Action, where: string): Problem {
  const needed = ACTIONS[action]
  return new Problem('forbidden', {
    headline: `You may not do this ${where}: it needs ${needed === 'operator' ? 'an operator of the gateway' : `the role ${needed}`}`,
    hint:
      needed === 'operator'
        ? 'Ask an operator of the gateway to do it.'
        : `Ask an admin of the environment for \`fairlead members:add\` with --role ${needed}.`,
  })
}
