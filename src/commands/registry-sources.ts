// The other places that an app's credentials come from: a file at an address, or a secret of the secret store.
import { formatAppName } from '../domain/app.ts'
import { authorise } from '../domain/member.ts'
import { Secret } from '../domain/secret.ts'
import { parseSecretPath } from '../domain/secret-path.ts'
import { text, usage } from './call.ts'
import type { AppCall, Command } from './command.ts'
import { currentActor } from './current-actor.ts'
import { generatorCommand } from './registry-generator.ts'

const uri: Command = {
  name: 'registry:uri',
  summary: 'Fetch a file of credentials from an address at every deploy; without one, print what is set',
  usage: '[file:///… | https://…]',
  words: { most: 1 },
  options: { remove: { type: 'boolean', help: 'fetch none any more' } },
  scope: 'app',
  action: 'registry:write',
  async run({ gateway, actor, app, words, options, output }) {
    const { registryUris } = gateway.ground.store
    const { parseUri, describeUri } = gateway.credentialFiles
    const label = formatAppName(app.name)
    const [word] = words
    if (options.remove === true) {
      if (word !== undefined) throw usage(uri, 'An address and --remove do not go together.')
      const removed = registryUris.remove(app.id)
      output.line(removed ? `No file is fetched for ${label} any more.` : nothingFetched(label))
    } else if (word === undefined) {
      const set = registryUris.of(app.id)
      output.line(set === null ? nothingFetched(label) : describeUri(parseUri(set.reveal())))
    } else {
      const address = parseUri(word)
      registryUris.set(app.id, new Secret(address.href), actor.member.name)
      output.line(`At every deploy, ${label} fetches its credentials from ${describeUri(address)}.`)
      output.line(
        'Nothing was fetched yet: `fairlead registry:explain IMAGE` does, and says what comes of it.',
      )
    }
  },
}

const nothingFetched = (label: string) => `No file of credentials is fetched for ${label}.`

const use: Command = {
  name: 'registry:use',
  summary: 'Use the credentials of a secret, which many apps may share; without one, print which is used',
  usage: '[--secret PATH]',
  options: {
    secret: { type: 'string', value: 'PATH', help: 'the secret; you need the right on its path' },
    remove: { type: 'boolean', help: 'use none any more' },
  },
  scope: 'app',
  action: 'registry:write',
  async run(call) {
    const { app, options, output } = call
    const { secrets } = call.gateway.ground.store
    const label = formatAppName(app.name)
    const word = text(options.secret)
    if (options.remove === true) {
      if (word !== undefined) throw usage(use, '--secret and --remove do not go together.')
      const used = secrets.usedBy(app.id)
      secrets.unuse(app.id)
      output.line(used === null ? usesNone(label) : `${label} does not use the secret ${used} any more.`)
    } else if (word === undefined) {
      output.line(secrets.usedBy(app.id) ?? usesNone(label))
    } else {
      useSecret(call, parseSecretPath(word))
    }
  },
}

const usesNone = (label: string) => `${label} uses no secret.`

/** The right on the app alone would open every secret to whoever may deploy anything. */
function useSecret({ gateway, actor, app, output }: AppCall, path: string): void {
  const { store } = gateway.ground
  const exists = store.secrets.find(path) !== null
  authorise(currentActor(store, actor), 'secret:use', { kind: 'secret', path, exists })
  store.secrets.use(app.id, path, actor.member.name)
  output.line(`${formatAppName(app.name)} uses the credentials of the secret ${path}.`)
}

export const sourceCommands: readonly Command[] = [uri, use, generatorCommand]
