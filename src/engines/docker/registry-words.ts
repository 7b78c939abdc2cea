// The engine's words about a registry without the names in them: a repository may be called `certificate-quota`.
import type { ImageReference } from '../../domain/image-reference.ts'

/** For reading, not for showing. */
export function withoutNames(words: string, { repository }: ImageReference): string {
  return words.replaceAll(/https?:\/\/\S+/g, '').replaceAll(repository, '')
}
