// Why a rollback is not begun, each time with what to do instead.
import { Problem } from '../domain/problem.ts'
import type { Release } from '../domain/release.ts'

const LIST = '`fairlead releases` lists them; those that are `retired` were live.'

export function neverDeployed(): Problem {
  return new Problem('rollback-refused', {
    headline: 'There is nothing to go back to: this app was never deployed',
    hint: 'Push first: `git push aptible master`.',
  })
}

export function nothingEarlier(live: Release): Problem {
  return new Problem('rollback-refused', {
    headline: `There is nothing to go back to: no release was live before v${live.number}`,
    hint: 'Deploy another commit: `fairlead deploy --git-commitish COMMIT`.',
  })
}

export function noSuchRelease(number: number): Problem {
  return new Problem('not-found', { headline: `There is no release v${number}`, hint: LIST })
}

export function neverLive({ number, operation }: Release): Problem {
  return new Problem('rollback-refused', {
    headline: `v${number} never was live: it failed before it served`,
    hint: `${LIST} \`fairlead operation:logs ${operation}\` says why this one failed.`,
  })
}

/** Whoever names no release means the one they see: another is not chosen behind their back. */
export function liveChanged(live: Release, seen: number | null): Problem {
  return new Problem('rollback-refused', {
    headline: `v${live.number} went live while this rollback waited for its turn`,
    saw:
      seen === null ? 'Nothing was live when it was asked for.' : `v${seen} was live when it was asked for.`,
    hint: '`fairlead releases` lists what was live; then name the one to go back to: `fairlead rollback vN`.',
  })
}

/** @param older the last release that was live with other code, null when there was none */
export function nothingToChange(target: Release, live: Release, older: Release | null): Problem {
  const otherConfig = target.configVersion !== live.configVersion
  const hints = [
    ...(otherConfig ? [`For its config: \`fairlead rollback v${target.number} --with-config\`.`] : []),
    ...(older === null ? [] : [`For the code before it: \`fairlead rollback v${older.number}\`.`]),
  ]
  return new Problem('rollback-refused', {
    headline:
      target.number === live.number
        ? `v${live.number} is live already`
        : `Going back to v${target.number} would change nothing: v${live.number} runs the same image and processes`,
    ...(otherConfig && {
      saw: `They differ in their config only: version ${target.configVersion}, and version ${live.configVersion} now.`,
    }),
    hint: hints.length > 0 ? hints.join(' ') : LIST,
  })
}

/** @param keeps how many releases' images are kept, when this one is older than those */
export function imageGone({ number, image, commit }: Release, keeps: number | null): Problem {
  const again = `fairlead deploy --git-commitish ${commit}`
  const pinned = image.digest === null ? '' : ` APTIBLE_DOCKER_IMAGE=${image.digest}`
  return new Problem('image-not-found', {
    phase: 'image',
    headline: `The image of release v${number} is not on the engine any more`,
    saw:
      keeps === null
        ? `${image.tag} (${image.source}) was removed by somebody else.`
        : `Kept are the images of the last ${keeps} releases that were live (FAIRLEAD_KEEP_RELEASES), and this one is older.`,
    hint: `Deploy its commit instead: \`${again}${pinned}\`.`,
  })
}
