// Handles of environments and apps: parsed once at the edge, refused (never cleaned) when they do not fit.
import { Problem } from './problem.ts'

declare const brand: unique symbol
/** 1 to 40 characters of a-z, 0-9 and '-', beginning and ending with a letter or digit: a DNS label. */
export type Handle = string & { readonly [brand]: 'Handle' }

/** An app's full name, written `my-env/my-app`. */
export interface AppName {
  readonly environment: Handle
  readonly app: Handle
}

export interface Environment {
  readonly id: number
  readonly handle: Handle
  /** Name of the stack its apps run on. */
  readonly stack: string
}

export interface App {
  readonly id: number
  readonly name: AppName
  readonly environmentId: number
  readonly stack: string
  /** Number of the release that serves, null before the first deploy. */
  readonly liveRelease: number | null
}

const HANDLE = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/

/** @throws Problem `name-invalid` */
export function parseHandle(
  text: string,
  kind: 'app' | 'environment' | 'generator' | 'member' | 'stack',
): Handle {
  if (HANDLE.test(text)) return text as Handle
  throw new Problem('name-invalid', {
    headline: `${JSON.stringify(text.slice(0, 80))} is not a name for ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`,
    hint: "Use 1 to 40 of a-z, 0-9 and '-', beginning and ending with a letter or digit.",
  })
}

/**
 * The app that a git path or an argument names: `env/app`, `/env/app.git`, `~/env/app.git`.
 * @throws Problem `name-invalid` for anything else, traversal included
 */
export function parseAppPath(path: string): AppName {
  const match = /^(?:~?\/)?([^/]+)\/([^/]+?)(?:\.git)?\/?$/.exec(path)
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new Problem('name-invalid', {
      headline: `${JSON.stringify(path.slice(0, 80))} does not name an app`,
      hint: 'Write it as environment/app, for example my-env/my-app.git.',
    })
  }
  return { environment: parseHandle(match[1], 'environment'), app: parseHandle(match[2], 'app') }
}

export function formatAppName(name: AppName): string {
  return `${name.environment}/${name.app}`
}
