// What people run when an image cannot be had: which credentials there are, and what the registry says to each.
import { commitInForce } from '../deploy/commit-in-force.ts'
import { configInForce } from '../deploy/config-in-force.ts'
import { explain } from '../deploy/explain.ts'
import { keychainFor } from '../deploy/keychain.ts'
import { createTranscript } from '../deploy/transcript.ts'
import { setting } from '../domain/config.ts'
import { namesHost, parseImageReference, withTag } from '../domain/image-reference.ts'
import { appRegistryAuth, assertHostMatches, registryHostIsSet } from '../domain/registry-auth.ts'
import { usage } from './call.ts'
import type { Command } from './command.ts'
import { withoutWaiting } from './wait-for-client.ts'

export const explainCommand: Command = {
  name: 'registry:explain',
  summary: 'Say which credentials the app has for an image, and ask the registry with each of them',
  usage: '[IMAGE]',
  words: { most: 1 },
  scope: 'app',
  action: 'registry:read',
  async run({ gateway, session, actor, app, authorised, words }) {
    const { ground, operations } = gateway
    const { values: config } = configInForce(ground.store, app)
    const configured = setting(config, 'APTIBLE_DOCKER_IMAGE')
    const image = words[0] ?? configured
    if (image === null) {
      throw usage(explainCommand, 'It needs an IMAGE, since APTIBLE_DOCKER_IMAGE is not set for the app.')
    }
    const correction = words[0] === undefined ? undefined : 'Name it so behind registry:explain.'
    const reference = withTag(parseImageReference(image, correction))
    const { signal } = session
    const run = { transcript: createTranscript(withoutWaiting(session.stdout), () => {}), signal }
    const commit = await commitInForce(ground, app)
    const keychain = keychainFor(ground, { app, config, commit }, run)
    // What a deploy refuses without asking anybody is not asked here either.
    const refuseStray = () => {
      if (image === configured)
        assertHostMatches(reference, appRegistryAuth(config), registryHostIsSet(config))
    }
    if (!namesHost(image) && registryHostIsSet(config)) refuseStray()
    // Generators run for it: a hundred questions at once are not to start a hundred containers.
    const waits = (ahead: readonly string[]) =>
      run.transcript.line(`       Waits for what is explained to ${ahead.join(', ')}`)
    await operations.aside(app.id, { actor: actor.member.name, waits, signal }, async () => {
      authorised()
      await explain(ground, app, reference, keychain, run, refuseStray)
    })
  },
}
