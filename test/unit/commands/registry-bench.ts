// The commands about registries, run as sessions run them: a real store, real repositories and real files of
// credentials; a registry that answers what a test says.
import { PassThrough, Writable } from 'node:stream'
import type { ExecutionContext } from 'ava'
import type { Gateway } from '../../../src/commands/command.ts'
import { dispatcher } from '../../../src/commands/dispatch.ts'
import { parseHandle } from '../../../src/domain/app.ts'
import type { Actor, Role } from '../../../src/domain/member.ts'
import { Problem, type ProblemCode } from '../../../src/domain/problem.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import { makeKeyPair } from '../../../src/registry/age-key.ts'
import { readCredentialFile } from '../../../src/registry/credential-file.ts'
import { decryptDockercfg } from '../../../src/registry/sources/encrypted-file.ts'
import { describeUri, parseRegistryUri } from '../../../src/registry/sources/uri.ts'
import { parsePublicKeyLine } from '../../../src/ssh/public-key.ts'
import { type DeployGroundOptions, DIGEST, deployGround } from '../../support/deploy-ground.ts'

export const DIGEST_LINE = `digest ${DIGEST}`

export interface Heard {
  readonly status: number
  readonly out: string
  readonly err: string
}

export interface Asked {
  readonly image: string
  /** Null: nobody. */
  readonly user: string | null
  readonly password: string | null
}

export interface BenchOptions extends Pick<DeployGroundOptions, 'image' | 'program' | 'stack'> {
  /** Whether the gateway takes requests over HTTPS. */
  readonly https?: boolean
  /** What the registry says of a login, or of an image asked for with it; nothing: it accepts. */
  readonly refuse?: (auth: RegistryAuth | null) => ProblemCode | undefined
}

export async function registryBench(
  t: ExecutionContext,
  { refuse = () => undefined, https = false, ...options }: BenchOptions = {},
) {
  const asked: Asked[] = []
  const during: { question?: () => void } = {}
  const answer = (image: string, auth: RegistryAuth | null) => {
    asked.push({ image, user: auth?.username ?? null, password: auth?.password.reveal() ?? null })
    during.question?.()
    const code = refuse(auth)
    if (code !== undefined)
      throw new Problem(code, { headline: 'Refused', saw: 'A 401.', hint: 'Do better.' })
  }
  const made = await deployGround(t, {
    ...options,
    registry: {
      checkLogin: async auth => answer(`${auth.host}/${auth.path}`, auth),
      resolve: async ({ host, repository, tag }, auth) => {
        answer(`${host}/${repository}:${tag}`, auth)
        return { digest: DIGEST, mediaType: 'application/vnd.oci.image.manifest.v1+json' }
      },
    },
  })
  const { ground, operations, routing, app } = made
  const { store } = ground
  const stacks = {
    list: () => [{ name: 'local' }],
    get(name: string) {
      if (name !== 'local')
        throw new Problem('stack-not-found', { headline: `No stack ${name}`, hint: 'Add it.' })
    },
  }
  // What the commands of these tests do not touch is not there.
  const gateway = {
    ground,
    operations,
    routing,
    stacks,
    settings: {
      domain: 'apps.test',
      http: { host: '127.0.0.1', port: 8080 },
      https: https ? { host: '127.0.0.1', port: 8443 } : null,
    },
    log: ground.log,
    url: 'ssh://git@host:2222',
    credentialFiles: {
      read: readCredentialFile,
      makeKeyPair,
      decrypt: decryptDockercfg,
      parseUri: parseRegistryUri,
      describeUri,
    },
  } as unknown as Gateway
  const serve = dispatcher(gateway)

  let members = 0
  function member(name: string, role: Role | 'operator'): { actor: Actor; lose: () => void; id: number } {
    const { id } = store.members.create(parseHandle(name, 'member'), role === 'operator')
    const key = parsePublicKeyLine(
      `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${('ABCDEFGH'[members] ?? 'P').repeat(43)} ${name}`,
    )
    members += 1
    store.keys.add(id, key)
    if (role !== 'operator') store.members.grant(app.environmentId, id, role)
    return {
      id,
      actor: { ...made.actor(name), key: key.fingerprint },
      lose: () => store.members.revoke(app.environmentId, id),
    }
  }

  async function run(
    by: { actor: Actor },
    words: readonly string[],
    input: string | Buffer = '',
  ): Promise<Heard> {
    const heard = { out: '', err: '' }
    const to = (end: 'out' | 'err') =>
      new Writable({
        write(chunk, _, done) {
          heard[end] += chunk
          done()
        },
      })
    const stdin = new PassThrough()
    stdin.end(input)
    const status = await serve({
      actor: by.actor,
      words,
      terminal: null,
      env: new Map(),
      signal: new AbortController().signal,
      stdin,
      stdout: to('out'),
      stderr: to('err'),
    })
    return { status, ...heard }
  }
  return { ...made, store, gateway, member, run, asked, during }
}

export const said = (out: string): Heard => ({ status: 0, out, err: '' })

/** Of what a Problem prints, everything. */
export function refused(...lines: string[]): Heard {
  return { status: 1, out: '', err: lines.map(line => `${line}\n`).join('') }
}
