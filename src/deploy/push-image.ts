// Pushing what was built, before anything of it is started: a push that fails fails the deploy.
import type { App } from '../domain/app.ts'
import { formatImageReference, type ImageReference } from '../domain/image-reference.ts'
import type { Keychain } from '../domain/keychain.ts'
import { printable } from '../domain/printable.ts'
import type { Ground } from './ground.ts'
import { offerEach, sayAttempts } from './offer-each.ts'
import type { Run } from './operations.ts'
import { rememberName, removeLeftNames } from './passing-names.ts'
import { during } from './phase.ts'
import type { PlannedPush } from './plan-pushes.ts'

export interface Built {
  /** Our own tag for the image. */
  readonly tag: string
  /** The branch or tag it was built from, for messages. */
  readonly branch: string
  readonly pushes: readonly PlannedPush[]
  readonly keychain: Pick<Keychain, 'candidates'>
}

/**
 * One after the other, in the order of the file. What was pushed before one failed stays pushed.
 * @throws Problem `registry-*`, `image-push-failed`, or that of a source of credentials, all of phase `image`
 */
export async function pushBuilt(
  ground: Pick<Ground, 'stack' | 'store'>,
  app: Pick<App, 'id' | 'stack'>,
  { tag, branch, pushes, keychain }: Built,
  run: Pick<Run, 'transcript' | 'signal'>,
): Promise<void> {
  if (pushes.length > 0) await during('image', removeLeftNames(ground, app, run.signal))
  for (const { entry, reference } of pushes) {
    if (reference === null) {
      const why = `the branch ${printable(branch)} does not match ${printable(entry.pattern?.text ?? '')}`
      run.transcript.line(`-----> Not pushed to ${entry.image}: ${why}`)
    } else {
      const digest = await during('image', pushOne(ground, app, tag, reference, keychain, run))
      run.transcript.line(`       digest ${digest}`)
    }
  }
}

async function pushOne(
  ground: Pick<Ground, 'stack' | 'store'>,
  app: Pick<App, 'id' | 'stack'>,
  tag: string,
  reference: ImageReference,
  keychain: Built['keychain'],
  { transcript, signal }: Pick<Run, 'transcript' | 'signal'>,
): Promise<string> {
  const { engine } = ground.stack(app.stack)
  const name = formatImageReference(reference)
  const say = sayAttempts(`-----> Pushing ${name}`, transcript)
  return offerEach(keychain, reference, transcript, auth => {
    signal.throwIfAborted()
    say(auth)
    return engine.push({ tag, reference, auth, ...rememberName(ground, app, name) }, transcript, signal)
  })
}
