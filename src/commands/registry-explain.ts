// What people run when an image cannot be had: which credentials there are, and what the registry says to each.
import { commitInForce } from '../deploy/commit-in-force.ts'
import { configInForce } from '../deploy/config-in-force.ts'
import { explain } from '../deploy/explain.ts'
import { keychainFor } from '../deploy/keychain.ts'
import { createTranscript } from '../deploy/transcript.ts'
import { setting } from '../domain/config.ts'
import {
  type ImageReference,
  namesHost,
  parseImageReference,
  tagOrDigest,
} from '../domain/image-reference.ts'
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
  async run({ gateway, session, app, words }) {
    const { ground } = gateway
    const { values: config } = configInForce(ground.store, app)
    const configured = setting(config, 'APTIBLE_DOCKER_IMAGE')
    const image = words[0] ?? configured
    if (image === null) {
      throw usage(explainCommand, 'It needs an IMAGE, since APTIBLE_DOCKER_IMAGE is not set for the app.')
    }
    const reference = pulled(image)
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
    await explain(ground, app, reference, keychain, run, refuseStray)
  },
}

/** With the tag that is meant where none was written. */
function pulled(name: string): ImageReference {
  const named = parseImageReference(name)
  return { ...named, tag: named.digest === null ? tagOrDigest(named) : named.tag }
}
