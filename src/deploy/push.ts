// What a push means: which ref deploys, which is only checked, which is stored. Called from within the hook,
// before git has moved any ref.
import { type App, formatAppName } from '../domain/app.ts'
import type { Actor } from '../domain/member.ts'
import { Problem, problemLines } from '../domain/problem.ts'
import type { Push, RefUpdate } from '../git/receive-pack.ts'
import { checkDeployable } from './check-deployable.ts'
import { configInForce } from './config-in-force.ts'
import { deploy } from './deploy.ts'
import type { Ground } from './ground.ts'
import { OperationFailed } from './operation-failed.ts'
import type { Operations } from './operations.ts'
import type { Say } from './transcript.ts'

const DEPLOY_REFS = new Set(['refs/heads/master', 'refs/heads/main'])
const SCAN_REF = 'refs/heads/aptible-scan'
const DEPLOYING: readonly string[] = [...DEPLOY_REFS, SCAN_REF]

/**
 * @param ended settles when git has moved the refs, or not: the app's next operation waits for it, so that it sees
 *   where the branch is
 * @param authorised asks again, now that the pack is here, and once more when the operation has its turn
 * @returns whether git may move the refs. Problems are shown to the pusher here; only a bug is thrown.
 */
export async function receivePush(
  ground: Ground,
  operations: Operations,
  app: App,
  actor: Actor,
  push: Push,
  ended: Promise<unknown>,
  say: Say,
  signal: AbortSignal,
  authorised: () => void = () => {},
): Promise<boolean> {
  for (const option of push.options) {
    say(` !     Push option ${JSON.stringify(option.slice(0, 80))} is not known here and changes nothing\n`)
  }
  try {
    authorised()
    const admitted = admit(app, push)
    if (admitted !== null) {
      const wanted = { ...admitted, quarantine: push.quarantine, ended }
      await runPush(ground, operations, app, actor, wanted, say, signal, authorised)
    }
    sayWhatElse(push, say)
    return true
  } catch (error) {
    if (error instanceof OperationFailed) return false
    if (!(error instanceof Problem)) throw error
    for (const line of problemLines(error)) say(`${line}\n`)
    return false
  }
}

interface Admitted {
  readonly update: RefUpdate & { readonly new: string }
  readonly scan: boolean
}

/** The refs that a push moves beside the one that is deployed or checked. */
function sayWhatElse(push: Push, say: Say): void {
  const others = push.updates.filter(({ ref, new: id }) => id === null || !DEPLOYING.includes(ref))
  const names = (which: readonly RefUpdate[]) => which.map(({ ref }) => shortName(ref)).join(', ')
  const stored = others.filter(update => update.new !== null)
  const deleted = others.filter(update => update.new === null)
  if (stored.length > 0) {
    say(
      `-----> ${names(stored)}: stored, not deployed (only master and main are); see \`fairlead help deploy\`\n`,
    )
  }
  if (deleted.length > 0) say(`-----> ${names(deleted)}: deleted\n`)
}

/** @throws Problem `push-deletes-branch`, `name-invalid`, `usage` */
function admit(app: App, push: Push): Admitted | null {
  const deploying = push.updates.filter(({ ref }) => DEPLOYING.includes(ref))
  const deleted = deploying.find(update => update.new === null && DEPLOY_REFS.has(update.ref))
  if (deleted) {
    throw new Problem('push-deletes-branch', {
      phase: 'admit',
      headline: `${shortName(deleted.ref)} of ${formatAppName(app.name)} is the branch that is deployed, and cannot be deleted`,
      hint: 'To end the app, run `fairlead apps:destroy`.',
    })
  }
  const below = push.updates.find(({ ref }) => DEPLOYING.some(branch => ref.startsWith(`${branch}/`)))
  if (below) {
    throw new Problem('name-invalid', {
      phase: 'admit',
      headline: `${shortName(below.ref)} cannot be stored: git keeps no branch below the name of another`,
      saw: 'With it, master, main or aptible-scan could never be pushed again.',
      hint: 'Give the branch another name.',
    })
  }
  const wanted = deploying.filter((update): update is Admitted['update'] => update.new !== null)
  if (wanted.length > 1) {
    throw new Problem('usage', {
      phase: 'admit',
      headline: 'One push can deploy one branch',
      saw: `It updates ${wanted.map(({ ref }) => shortName(ref)).join(' and ')}.`,
      hint: 'Push them one after the other.',
    })
  }
  const [update] = wanted
  return update ? { update, scan: update.ref === SCAN_REF } : null
}

async function runPush(
  ground: Ground,
  operations: Operations,
  app: App,
  actor: Actor,
  { update, scan, quarantine, ended }: Admitted & Pick<Push, 'quarantine'> & { ended: Promise<unknown> },
  say: Say,
  signal: AbortSignal,
  authorised: () => void,
): Promise<void> {
  const subject = `${shortName(update.ref)} ${update.new.slice(0, 12)}`
  const kind = scan ? 'scan' : 'deploy'
  const request = { kind, subject, actor, say, signal, authorised, until: ended } as const
  await operations.run(app, request, async run => {
    const branch = shortName(update.ref)
    // While this push waited for its turn another one may have moved the branch: git would refuse it at the end.
    const now = await ground.repositories.branch(app.name, branch)
    if (now !== update.old) throw outdated(branch, update.old, now)
    const { version, values } = configInForce(ground.store, app)
    const commit = ground.repositories.commit(app.name, update.new, quarantine)
    const wish = { app, commit, revision: branch, config: values, configVersion: version }
    if (scan) await checkDeployable(ground, wish, run)
    else await deploy(ground, wish, run)
  })
}

function outdated(branch: string, expected: string | null, now: string | null): Problem {
  return new Problem('push-outdated', {
    phase: 'admit',
    headline: `${branch} moved on while this push waited for its turn`,
    saw: `It was at ${expected?.slice(0, 12) ?? 'nothing'} when the push began, and is at ${now?.slice(0, 12) ?? 'nothing'} now.`,
    hint: `Run \`git fetch\` and look at what came in between, then push again.`,
  })
}

function shortName(ref: string): string {
  return ref.replace(/^refs\/(heads|tags)\//, '')
}
