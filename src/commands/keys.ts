// Public keys: everybody's own; an operator's for everybody.
import { authorise } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import type { PublicKey } from '../ssh/public-key.ts'
import { text } from './call.ts'
import type { Call, Command, Option } from './command.ts'
import { currentActor } from './current-actor.ts'
import { wholeText } from './first-line.ts'
import { existingMember, refuseLastOperator } from './member-lookup.ts'

const MAX_KEY = 16 * 1024
const MEMBER: Record<string, Option> = {
  member: { type: 'string', value: 'NAME', help: "another member's (operators only)" },
}

export const keyCommands: readonly Command[] = [
  {
    name: 'keys',
    aliases: ['keys:list'],
    summary: 'List the public keys you log in with',
    options: MEMBER,
    scope: 'gateway',
    action: 'self:manage',
    lists: true,
    async run(call) {
      const keys = call.gateway.ground.store.keys.list(owner(call).id)
      output(call, keys)
    },
  },
  {
    name: 'keys:add',
    summary: 'Add a public key (`-`: from standard input)',
    usage: 'KEY',
    words: { least: 1 },
    options: MEMBER,
    scope: 'gateway',
    action: 'self:manage',
    async run(call) {
      const { store } = call.gateway.ground
      const key = await readKey(call.words, call)
      // The key may have been long in coming: asked now, of who may now.
      const actor = currentActor(store, call.actor)
      store.keys.add(owner({ ...call, actor }).id, key)
      call.output.line(`Key ${key.fingerprint} added.`)
    },
  },
  {
    name: 'keys:remove',
    summary: 'Remove a public key by its fingerprint',
    usage: 'SHA256:…',
    words: { least: 1, most: 1 },
    options: MEMBER,
    scope: 'gateway',
    action: 'self:manage',
    recorded: { first: 1 },
    async run(call) {
      const { store } = call.gateway.ground
      const member = owner(call)
      const fingerprint = call.words[0] ?? ''
      const keys = store.keys.list(member.id)
      const isLast = keys.length === 1 && keys[0]?.fingerprint === fingerprint
      if (isLast && member.operator) refuseLastOperator(call.gateway, member)
      if (!store.keys.remove(member.id, fingerprint)) {
        throw new Problem('not-found', {
          headline: `${member.name} has no key ${fingerprint.slice(0, 80)}`,
          hint: '`fairlead keys` lists the fingerprints.',
        })
      }
      call.output.line(`Key ${fingerprint} removed.`)
    },
  },
]

function owner({ gateway, actor, options }: Call) {
  const name = text(options.member)
  if (name === undefined || name === actor.member.name) return actor.member
  authorise(actor, 'members:manage', { kind: 'gateway' })
  return existingMember(gateway, name)
}

function output(call: Call, keys: ReturnType<Call['gateway']['ground']['store']['keys']['list']>): void {
  call.output.rows(
    keys.map(({ fingerprint, type, comment, createdAt }) => ({
      fingerprint,
      type,
      comment,
      added: createdAt,
    })),
    'No keys.',
  )
}

/** A key may be one quoted word, three bare words, or `-` for standard input. @throws Problem `usage` */
export async function readKey(words: readonly string[], call: Call): Promise<PublicKey> {
  const line = words[0] === '-' ? await wholeText(call.stdin, MAX_KEY) : words.join(' ')
  return call.gateway.readPublicKey(line.trim())
}
