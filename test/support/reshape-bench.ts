// Scale and restart on a gateway without a front door, as the commands ask for them.
import type { ExecutionContext } from 'ava'
import { restart } from '../../src/deploy/restart.ts'
import { type ScaleWish, scale } from '../../src/deploy/scale.ts'
import { type RolloutWay, serviceOf } from '../../src/domain/service.ts'
import { type DeployGroundOptions, deployGround } from './deploy-ground.ts'

export const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
export const here = () => new AbortController().signal

export async function reshapeBench(t: ExecutionContext, options?: DeployGroundOptions) {
  const made = await deployGround(t, options)
  let said = ''
  const request = (kind: 'scale' | 'restart', signal: AbortSignal) => ({
    kind,
    subject: 'x',
    actor: made.actor('ann'),
    say: (text: string) => {
      said += text
    },
    signal,
  })
  return {
    ...made,
    scale: (counts: Record<string, number>, size: ScaleWish['size'] = {}, signal = here()) =>
      made.operations.run(made.app, request('scale', signal), run =>
        scale(made.ground, made.app, { counts: new Map(Object.entries(counts)), size }, run),
      ),
    restart: (service: string | null = null, signal = here()) =>
      made.operations.run(made.app, request('restart', signal), run =>
        restart(made.ground, made.app, service, run),
      ),
    /** How web and worker are replaced from now on. */
    replace: (way: RolloutWay) => {
      for (const process of ['web', 'worker'])
        made.ground.store.services.setRollout(made.app.id, process, way)
    },
    said: () => said,
    count: (name: string) => serviceOf(made.ground.store.services.of(made.app.id), name).count,
    ids: () => made.engine.containers.map(({ id }) => id).sort(),
    variable: (label: string, name: string) =>
      made.engine.containers
        .find(({ spec: { labels } }) => `${labels.process}.${labels.index}` === label)
        ?.spec.env.get(name)
        ?.reveal(),
  }
}

/** The same, with v1 of FILES live. */
export async function live(t: ExecutionContext, options?: DeployGroundOptions) {
  const made = await reshapeBench(t, options)
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  await made.background.idle()
  return made
}
