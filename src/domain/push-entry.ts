// One entry of `push:`: where a built image goes, under which tag, and from which branches.
import type { ImageReference } from './image-reference.ts'
import type { TagTemplate } from './tag-template.ts'

export interface PushEntry {
  /** Where it stands, for messages: `.fairlead.yml:3`. */
  readonly at: string
  /** `push` when none is given. */
  readonly name: string
  /** Null when none is given: the app's handle stands for it. */
  readonly service: string | null
  /** As written in the file. */
  readonly image: string
  /** The same, without a tag. */
  readonly reference: ImageReference
  readonly tagTemplate: TagTemplate
  /** Null: every branch and tag is pushed. */
  readonly pattern: BranchPattern | null
}

/** A regular expression over the names of branches and tags, found anywhere in them. */
export interface BranchPattern {
  /** As written in the file. */
  readonly text: string
  fits(branch: string): boolean
}
