// Runs a generator: its image once, on the app's stack, with its own configuration and nothing of the app's. It is
// given one argument, the path of a file to write, and whatever becomes of it nothing of the run is left.
//
// Its image is not kept either: a tag that stays is one that every clean-up would have to know. With a ttl a run, and
// so a pull, is needed now and then only, and an image that lies on the engine anyway is not fetched.
import { randomInt } from 'node:crypto'
import type { App } from '../domain/app.ts'
import type { ContainerLabels, ContainerSpec } from '../domain/container.ts'
import type { Image } from '../domain/engine.ts'
import type { Generator } from '../domain/generator.ts'
import { formatImageReference, parseImageReference, withTag } from '../domain/image-reference.ts'
import type { Keychain } from '../domain/keychain.ts'
import { Problem } from '../domain/problem.ts'
import * as failure from './generate-failure.ts'
import { runContainer } from './generator-container.ts'
import type { Ground } from './ground.ts'
import { containerName, imageRepository, networkName } from './names.ts'
import { joinNetwork } from './network.ts'
import type { Run } from './operations.ts'
import { rememberName } from './passing-names.ts'
import { resolveWithKeychain } from './resolve.ts'
import { undoLater, undoSignal } from './undo.ts'

const DIRECTORY = '/fairlead'
/** The one argument of every generator. */
const FILE = `${DIRECTORY}/dockercfg`
const PROCESS = 'registry-generator'
/** Releases count from 1: what a generator runs in belongs to none. */
const NO_RELEASE = 0

/** Whether a container is a generator's: its log may hold passwords that nobody knows to hide yet. */
export function isGenerator(labels: ContainerLabels): boolean {
  return labels.release === NO_RELEASE && labels.process === PROCESS
}

/**
 * @param keychain for the generator's own image: the app's sources without its generators
 * @returns what it wrote, which `parseDockercfg` can read
 * @throws Problem `generator-failed`; those of the registry when its image cannot be had
 */
export async function runGenerator(
  ground: Ground,
  app: App,
  generator: Generator,
  keychain: Keychain,
  run: Pick<Run, 'transcript' | 'signal'>,
): Promise<string> {
  const { store } = ground
  const { stack, engine } = ground.stack(app.stack)
  // Of this run alone, so that an undo that comes late meets no other.
  const number = randomInt(1, 2 ** 47)
  const image = `${imageRepository(store.gatewayId, app.name)}:generator-${number}`
  const labels = { environment: app.name.environment, app: app.name.app }
  const spec: ContainerSpec = {
    name: containerName(store.gatewayId, app.name, NO_RELEASE, PROCESS, number),
    labels: { ...labels, release: NO_RELEASE, process: PROCESS, index: number, oneOff: true },
    image,
    command: [FILE],
    env: generator.env,
    network: networkName(store.gatewayId, app.name.environment),
    limits: stack.limits,
    grace: stack.grace,
    writableDirectory: DIRECTORY,
    ...(generator.addDocker && { engineSocket: true }),
  }
  run.transcript.line(`-----> Running the generator ${generator.name}`)
  try {
    const { entrypoint } = await obtainImage(ground, app, generator, keychain, image, run)
    if (entrypoint.length === 0) throw failure.noEntrypoint(generator, FILE)
    await joinNetwork(ground, app, run.signal)
    return await runContainer(engine, spec, FILE, generator, run)
  } finally {
    await clearAway(ground, app, generator, spec)
  }
}

async function obtainImage(
  ground: Ground,
  app: App,
  generator: Generator,
  keychain: Keychain,
  tag: string,
  run: Pick<Run, 'transcript' | 'signal'>,
): Promise<Image> {
  const { engine } = ground.stack(app.stack)
  try {
    const reference = withTag(parseImageReference(generator.image))
    const { digest, auth } = await resolveWithKeychain(ground, app, reference, keychain, run)
    const name = rememberName(ground, app, formatImageReference({ ...reference, tag: null, digest }))
    return await engine.pull({ reference, digest, auth, tag, ...name }, run.transcript, run.signal)
  } catch (error) {
    throw error instanceof Problem ? failure.ofItsImage(generator, error) : error
  }
}

/** Also a container whose creation was never confirmed. What the engine does not let go now goes later. */
async function clearAway(ground: Ground, app: App, generator: Generator, spec: ContainerSpec): Promise<void> {
  const { engine } = ground.stack(app.stack)
  // Also when the app was destroyed meanwhile: who explains an image does not wait for its turn. The names are of this
  // run alone, so that what a later app of that name has is not touched.
  const undo = async () => {
    const signal = undoSignal()
    const present = await engine.list(app.name, signal)
    for (const { id } of present.filter(({ name }) => name === spec.name)) await engine.remove(id, signal)
    await engine.removeTag(spec.image, signal)
  }
  const what = `a run of generator ${generator.name}`
  await undo().catch(error => undoLater(ground, app)(what, error, undo))
}
