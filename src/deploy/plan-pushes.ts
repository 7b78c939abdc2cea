// What `push:` means for one commit on one branch: where its image goes, under which tag. Known before the build.
import { type App, formatAppName } from '../domain/app.ts'
import { formatImageReference, type ImageReference } from '../domain/image-reference.ts'
import type { Operation } from '../domain/operation.ts'
import { Problem } from '../domain/problem.ts'
import type { PushEntry } from '../domain/push-entry.ts'
import type { Stack } from '../domain/stack.ts'
import { expandTag, TemplateFault, type TemplateValues } from '../domain/tag-template.ts'
import type { CommitDetails } from '../git/commit-details.ts'

export interface PlannedPush {
  readonly entry: PushEntry
  /** With a tag and without a digest; null when the branch is none of the entry's. */
  readonly reference: ImageReference | null
}

export interface PushOccasion {
  readonly app: Pick<App, 'id' | 'name'>
  readonly operation: Pick<Operation, 'number' | 'actor' | 'startedAt' | 'createdAt'>
  /** The branch or tag that was pushed or is deployed, without `refs/heads/` or `refs/tags/`. */
  readonly revision: string
  readonly stack: Pick<Stack, 'name' | 'version'>
  readonly commit: { readonly id: string; details(): Promise<CommitDetails> }
}

/**
 * The commit is asked for its details only when there is something to push.
 * @throws Problem `fairlead-yml-invalid` when a tag comes out empty, or two entries go to one place;
 *   `stack-private-refused`
 */
export async function planPushes(
  entries: readonly PushEntry[],
  occasion: PushOccasion,
): Promise<PlannedPush[]> {
  const fits = (entry: PushEntry) => entry.pattern?.fits(occasion.revision) ?? true
  if (!entries.some(fits)) return entries.map(entry => ({ entry, reference: null }))
  if (occasion.stack.version === 1) throw pushRefused(occasion.stack)

  const details = await occasion.commit.details()
  const taken = new Map<string, PushEntry>()
  return entries.map(entry => {
    if (!fits(entry)) return { entry, reference: null }
    const tag = expand(entry, templateValues(entry, occasion, details))
    const reference = { ...entry.reference, tag }
    const name = formatImageReference(reference)
    const other = taken.get(name)
    if (other !== undefined) throw sameTarget(other, entry, name)
    taken.set(name, entry)
    return { entry, reference }
  })
}

/** Every value of Codeship's list, as this gateway understands it. */
function templateValues(
  entry: PushEntry,
  { app, operation, revision, commit }: PushOccasion,
  { message, committer }: CommitDetails,
): TemplateValues {
  const time = new Date(operation.startedAt ?? operation.createdAt)
  const seconds = time.toISOString().replace(/\.\d+Z$/, 'Z')
  return {
    ProjectID: String(app.id),
    BuildID: String(operation.number),
    RepoName: formatAppName(app.name),
    Branch: revision,
    CommitID: commit.id,
    CommitMessage: message,
    // What git calls the body: the message without its first line.
    CommitDescription: message.slice(message.split('\n', 1)[0]?.length),
    CommitterName: committer.name,
    CommitterEmail: committer.email,
    CommitterUsername: operation.actor,
    // As Go prints a time: 2006-01-02 15:04:05 +0000 UTC
    Time: `${seconds.replace('T', ' ').replace('Z', '')} +0000 UTC`,
    Timestamp: String(Math.floor(time.getTime() / 1000)),
    StringTime: seconds,
    StepName: entry.name,
    ServiceName: entry.service ?? app.name.app,
    ImageName: entry.image,
    Ci: 'true',
    CiName: 'fairlead',
  }
}

function expand(entry: PushEntry, values: TemplateValues): string {
  try {
    return expandTag(entry.tagTemplate, values)
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error
    throw new Problem('fairlead-yml-invalid', {
      headline: `${entry.at}: the image_tag of ${entry.image} comes out empty for this commit`,
      saw: `${error.message}: A-Z, a-z, 0-9, '_', '.' and '-' are kept, the first no '.' or '-'.`,
      hint: 'Put something into image_tag that is never empty, for example {{ .CommitID }}. Commit and push again.',
    })
  }
}

function pushRefused(stack: Pick<Stack, 'name'>): Problem {
  return new Problem('stack-private-refused', {
    headline: `The commit asks for its image to be pushed, and the stack ${stack.name} may not use private registries`,
    saw: `The stack ${stack.name} is of version 1, on which no credential is ever used.`,
    hint: 'Take the push entries out of .fairlead.yml, or ask an operator for an environment on a stack of version 2.',
  })
}

function sameTarget(one: PushEntry, other: PushEntry, name: string): Problem {
  return new Problem('fairlead-yml-invalid', {
    headline: `${one.at} and ${other.at} both push to ${name}`,
    hint: 'Delete one of the entries, or give them different tags (image_tag) or branches (tag). Commit and push again.',
  })
}
