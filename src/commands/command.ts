// What a command is: a name, help, what it needs, and what it does. `dispatch.ts` finds it, looks up what it is
// about and asks whether the actor may. Commands whose question depends on their words (members, keys,
// registry:login) call the one `authorise` themselves; what is allowed is decided nowhere but there.
import type { Readable } from 'node:stream'
import type { Ground } from '../deploy/ground.ts'
import type { Operations } from '../deploy/operations.ts'
import type { GatewayRouting } from '../deploy/routing.ts'
import type { App, AppName, Environment } from '../domain/app.ts'
import type { Log } from '../domain/log.ts'
import type { Action, Actor } from '../domain/member.ts'
import type { receivePack } from '../git/receive-pack.ts'
import type { uploadPack } from '../git/upload-pack.ts'
import type { makeKeyPair } from '../registry/age-key.ts'
import type { readCredentialFile } from '../registry/credential-file.ts'
import type { decryptDockercfg } from '../registry/sources/encrypted-file.ts'
import type { describeUri, parseRegistryUri } from '../registry/sources/uri.ts'
import type { Settings } from '../settings.ts'
import type { PublicKey } from '../ssh/public-key.ts'
import type { Session } from '../ssh/session.ts'
import type { Stacks } from '../stacks/stacks.ts'
import type { Output } from './output.ts'

export interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** What stands for the value in the help: `N`, `FILE`. */
  readonly value?: string
  readonly help: string
}

interface CommandBase {
  readonly name: string
  readonly aliases?: readonly string[]
  /** One line, no full stop. */
  readonly summary: string
  /** The words after the name: `NAME=VALUE...`. */
  readonly usage?: string
  /** How many of those words there may be. */
  readonly words?: { readonly least?: number; readonly most?: number }
  readonly options?: Readonly<Record<string, Option>>
  /** From the first of those words on none is an option of ours: they are a command of somebody else's. */
  readonly verbatim?: boolean
  /** Words that are refused before anything is read, and never repeated: they may stand beside a secret. */
  readonly refuses?: { readonly words: RegExp; readonly because: string }
  readonly action: Action
  /** True when it lists something: `--json` prints it as JSON. */
  readonly lists?: boolean
  /**
   * What the record of activity keeps of the words after the name: the names in NAME=VALUE, names of variables, or so
   * many first words that are names of something. Left out, none; a command that only looks is not recorded at all, nor
   * is one that only looks without an option of its own.
   */
  readonly recorded?:
    | 'never'
    | 'assignments'
    | 'variables'
    | { readonly first: number }
    | { readonly option: string }
  /** Left out of the help: spoken by programs (git), not by people. */
  readonly hidden?: boolean
}

/**
 * The scope says what a command is about, and so what is looked up and authorised before it runs: nothing but
 * the gateway, an environment, an app, or the app whose repository is its first word (git's own commands).
 * `run` returns the exit status, 0 when nothing is returned.
 */
export type Command = CommandBase &
  (
    | { readonly scope: 'gateway'; run(call: Call): Promise<number | undefined> }
    | {
        readonly scope: 'environment'
        run(call: Call & { readonly environment: Environment }): Promise<number | undefined>
      }
    | {
        readonly scope: 'app' | 'repository'
        run(call: AppCall): Promise<number | undefined>
      }
  )

export interface Gateway {
  readonly ground: Ground
  readonly operations: Operations
  readonly routing: GatewayRouting
  /** PEM certificate of the gateway's own authority, which is made at first. */
  readonly certificateAuthority: () => Promise<string>
  readonly stacks: Stacks
  readonly settings: Settings
  /** `ssh://git@host:port`, as printed in git remotes. */
  readonly url: string
  /** Directory that holds the git hooks. */
  readonly hooks: string
  readonly git: { readonly receivePack: typeof receivePack; readonly uploadPack: typeof uploadPack }
  /** Reads and makes what holds credentials for registries. */
  readonly credentialFiles: {
    readonly read: typeof readCredentialFile
    readonly makeKeyPair: typeof makeKeyPair
    readonly decrypt: typeof decryptDockercfg
    readonly parseUri: typeof parseRegistryUri
    readonly describeUri: typeof describeUri
  }
  /** Reads a line of authorized_keys. @throws Problem `usage` */
  readonly readPublicKey: (line: string) => PublicKey
  readonly log: Log
}

/** One call of a command by one actor. */
export interface Call {
  readonly gateway: Gateway
  readonly session: Session
  readonly actor: Actor
  /** What follows the command's own words on standard input. */
  readonly stdin: Readable
  readonly words: readonly string[]
  readonly options: Options
  /** The app of the caller's checkout: what is meant where no app is named. */
  readonly context: AppName | null
  readonly output: Output
  /** Has the record say that it failed, although it ends without a Problem. */
  readonly refused: () => void
}

export interface AppCall extends Call {
  readonly app: App
  /** Asks again, of who may now: for what is done after a wait. @throws Problem `forbidden`, `app-not-found` */
  readonly authorised: () => void
}

export type Options = Readonly<Record<string, string | boolean | undefined>>
