// The secret store: files of credentials under paths, which many apps may use. Every command asks by its path.
import { formatAppName } from '../domain/app.ts'
import { parseDockercfg } from '../domain/dockercfg.ts'
import { MAX_DOCKERCFG } from '../domain/dockercfg-text.ts'
import { authorise, may, maySecret } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'
import { Secret } from '../domain/secret.ts'
import { parseSecretPath } from '../domain/secret-path.ts'
import type { StoredSecret } from '../store/secrets.ts'
import { text, usage } from './call.ts'
import type { Call, Command } from './command.ts'
import { currentActor } from './current-actor.ts'
import { wholeBytes } from './first-line.ts'
import { grantCommands } from './secret-grants.ts'

const list: Command = {
  name: 'secrets',
  aliases: ['secrets:list'],
  summary: 'List the secrets you may use',
  scope: 'gateway',
  action: 'self:manage',
  lists: true,
  async run({ gateway, actor, output }) {
    const visible = gateway.ground.store.secrets.list().filter(({ path }) => maySecret(actor, path))
    output.rows(
      visible.map(({ path, actor: by, createdAt, apps }) => ({
        path,
        by,
        written: createdAt,
        apps: apps.length,
      })),
      'No secret that you may use.',
    )
  },
}

const create: Command = {
  name: 'secrets:create',
  summary: 'Store a file of registry credentials under a path, or replace it',
  usage: 'PATH --value-file FILE',
  words: { least: 1, most: 1 },
  options: {
    'value-file': {
      type: 'string',
      value: 'FILE',
      help: 'a config.json, .dockercfg or docker.tar.gz; standard input (-)',
    },
  },
  scope: 'gateway',
  action: 'self:manage',
  recorded: { first: 1 },
  async run(call) {
    const { gateway, words, options, output } = call
    const { store } = gateway.ground
    const path = parseSecretPath(words[0] ?? '')
    // Whether it is there makes no difference: who may use a path may also write there.
    const target = { kind: 'secret', path, exists: true } as const
    authorise(call.actor, 'secret:use', target)
    const file = text(options['value-file'])
    if (file === undefined) throw usage(create, 'It needs --value-file FILE.')
    if (file !== '-') {
      throw usage(create, 'Only the CLI can read a file of yours. Over plain ssh, use --value-file - < FILE.')
    }
    const value = await readValue(call, path)
    // The file may have been long in coming: asked now, of who may now.
    const actor = currentActor(store, call.actor)
    authorise(actor, 'secret:use', target)
    const outcome = store.secrets.put(path, value, actor.member.name)
    output.line(`Secret ${path} ${outcome}. ${usersOf(store.secrets.find(path)?.apps.length ?? 0, path)}`)
  },
}

const remove: Command = {
  name: 'secrets:delete',
  summary: 'Delete a secret that no app uses',
  usage: 'PATH',
  words: { least: 1, most: 1 },
  scope: 'gateway',
  action: 'self:manage',
  recorded: { first: 1 },
  async run(call) {
    const { gateway, actor, words, output } = call
    const { secrets } = gateway.ground.store
    const path = parseSecretPath(words[0] ?? '')
    const found = secrets.find(path)
    authorise(actor, 'secret:use', { kind: 'secret', path, exists: found !== null })
    if (found !== null && found.apps.length > 0) throw inUse(call, found)
    secrets.remove(path)
    output.line(`Secret ${path} deleted.`)
  },
}

export const secretCommands: readonly Command[] = [list, create, remove, ...grantCommands]

/**
 * What is stored of the file: its credentials and nothing else of it, so that a broken file is refused now and not
 * by the next deploy, and an archive is not opened again for each.
 * @throws Problem `dockercfg-invalid`, `usage`
 */
async function readValue({ gateway, stdin }: Call, path: string): Promise<Secret> {
  const bytes = await wholeBytes(stdin, MAX_DOCKERCFG)
  const from = { source: `secret ${path}`, file: 'standard input' }
  const json = configJson(await gateway.credentialFiles.read(bytes, from))
  // What is escaped in JSON takes more room here than in the file it came in. Read as a deploy will read it.
  parseDockercfg(json, from)
  return new Secret(json)
}

/** A config.json that is read as the same credentials. */
function configJson(auths: readonly RegistryAuth[]): string {
  const entries = auths.map(({ host, path, username, password }) => [
    path === '' ? host : `${host}/${path}`,
    { username, password: password.reveal() },
  ])
  return JSON.stringify({ auths: Object.fromEntries(entries) })
}

function usersOf(apps: number, path: string): string {
  if (apps === 0) return `No app uses it yet: \`fairlead registry:use --secret ${path}\` makes one.`
  return `${appCount(apps)} ${apps === 1 ? 'uses' : 'use'} it: the next deploy of each reads what it is now.`
}

/** Apps that the actor may not see are counted, not named. */
function inUse({ actor }: Call, { path, apps }: StoredSecret): Problem {
  const seen = apps
    .filter(app => may(actor, 'app:see', app.environmentId))
    .map(app => formatAppName(app.name))
  const hidden = apps.length - seen.length
  const others = hidden === 0 ? [] : [`${appCount(hidden)} that you may not see`]
  return new Problem('usage', {
    headline: `The secret ${path} is used by ${appCount(apps.length)} and was not deleted`,
    saw: [...seen, ...others].join(', '),
    hint: `End the use first, for each of them: \`fairlead registry:use --remove --app ${seen[0] ?? 'ENVIRONMENT/APP'}\`.`,
  })
}

const appCount = (apps: number): string => (apps === 1 ? '1 app' : `${apps} apps`)
