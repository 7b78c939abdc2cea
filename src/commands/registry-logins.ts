// Logins that the gateway keeps: for an app, or for every app of an environment or a stack.
import type { Readable } from 'node:stream'
import { MAX_DOCKERCFG } from '../domain/dockercfg-text.ts'
import { printable } from '../domain/printable.ts'
import { Problem, type ProblemCode } from '../domain/problem.ts'
import { type RegistryAuth, TOKEN_USER } from '../domain/registry-auth.ts'
import type { RegistryKey } from '../domain/registry-key.ts'
import { Secret } from '../domain/secret.ts'
import { text, usage } from './call.ts'
import type { Call, Command } from './command.ts'
import { wholeBytes, wholeText } from './first-line.ts'
import { formatPlace, parsePlace } from './registry-place.ts'
import { WHOSE, type Whose, whoseCredentials } from './registry-scope.ts'

const MAX_PASSWORD = 64 * 1024
/** For one app, environment or stack: every deploy looks through them, once for each image. */
const MOST_STORED = 2000
const REFUSED: readonly ProblemCode[] = [
  'registry-login-failed',
  'registry-denied',
  'registry-login-required',
]

type Login = Omit<RegistryAuth, 'source'>

const login: Command = {
  name: 'registry:login',
  summary: 'Store a login for a registry, after asking the registry whether it is right',
  usage: 'HOST[/PATH] --username USER --password-stdin',
  words: { least: 1 },
  options: {
    username: {
      type: 'string',
      short: 'u',
      value: 'USER',
      help: `the user; ${TOKEN_USER} for an identity token`,
    },
    'password-stdin': { type: 'boolean', help: 'the password is what standard input holds' },
    'no-check': { type: 'boolean', help: 'store it without asking the registry' },
    ...WHOSE,
  },
  refuses: {
    words: /^(?:-p|--pass(?:word|wd)?(?:=|$))/,
    because:
      'A password is no word of a command: others can see those. Add --password-stdin and write it to standard input. If the one you gave was real, change it.',
  },
  scope: 'gateway',
  action: 'self:manage',
  async run(call) {
    const { gateway, session, options, output } = call
    const [word = '', ...more] = call.words
    // What is too much may be the password, and is not repeated.
    if (more.length > 0) throw usage(login, 'There are more words than the one that names a host.')
    const place = parsePlace(word)
    const username = parseUsername(text(options.username))
    if (options['password-stdin'] !== true)
      throw usage(login, 'The password comes on standard input: add --password-stdin.')
    const password = await readPassword(call.stdin)
    const auth: Login = {
      ...place,
      username,
      password,
      kind: username === TOKEN_USER ? 'identity-token' : 'password',
    }

    // Only now: the password may have been long in coming.
    const whose = whoseCredentials(call, login, 'registry:write')
    const checked = options['no-check'] !== true
    if (checked)
      await check(gateway.ground.registry.checkLogin({ ...auth, source: 'registry:login' }, session.signal))
    const replaces = stored(call, whose).some(each => each.host === place.host && each.path === place.path)
    put(call, whose, [auth])
    const what = replaces ? 'Login replaced' : 'Stored'
    output.line(
      `${what} for ${whose.label}: ${who(auth)} (${checked ? 'accepted by the registry' : 'not checked'}).`,
    )
  },
}

const importFile: Command = {
  name: 'registry:import',
  summary: 'Store every login of a config.json, a .dockercfg or a docker.tar.gz',
  usage: 'FILE',
  words: { least: 1, most: 1 },
  options: WHOSE,
  scope: 'gateway',
  action: 'self:manage',
  async run(call) {
    const { gateway, stdin, words, output } = call
    if (words[0] !== '-') {
      throw usage(
        importFile,
        'Only the CLI can read a file of yours. Over plain ssh, write `registry:import - < FILE`.',
      )
    }
    const bytes = await wholeBytes(stdin, MAX_DOCKERCFG)
    const whose = whoseCredentials(call, importFile, 'registry:write')
    const auths = await gateway.credentialFiles.read(bytes, { source: '', file: 'standard input' })
    put(call, whose, auths)
    output.line(`Stored for ${whose.label}:`)
    for (const auth of auths) output.line(`  ${who(auth)}`)
    output.line(
      'None of them was shown to its registry. `fairlead registry:explain IMAGE` asks for an image with what an app has.',
    )
  },
}

const logout: Command = {
  name: 'registry:logout',
  summary: 'Forget the stored logins for a registry, or the one for a path of it',
  usage: 'HOST[/PATH]',
  words: { least: 1, most: 1 },
  options: WHOSE,
  scope: 'gateway',
  action: 'self:manage',
  async run(call) {
    const place = parsePlace(call.words[0] ?? '')
    const whose = whoseCredentials(call, logout, 'registry:write')
    const { registryCredentials } = call.gateway.ground.store
    const all = stored(call, whose)
    const gone = all.filter(
      ({ host, path }) => host === place.host && (place.path === '' || path === place.path),
    )
    if (gone.length === 0) throw notStored(place, whose, all)
    registryCredentials.remove(whose.scope, place.host, place.path === '' ? null : place.path)
    for (const each of gone) call.output.line(`Removed for ${whose.label}: ${who(each)}.`)
  },
}

export const loginCommands: readonly Command[] = [login, importFile, logout]

/** `user robot at ghcr.io/acme` */
export function who(auth: RegistryKey & { readonly kind: string; readonly username: string }): string {
  const name = auth.kind === 'identity-token' ? 'an identity token' : `user ${printable(auth.username)}`
  return `${name} at ${formatPlace(auth)}`
}

function stored({ gateway }: Call, { scope }: Whose) {
  return gateway.ground.store.registryCredentials.list(scope)
}

function put(call: Call, whose: Whose, auths: readonly Login[]): void {
  const { gateway, actor } = call
  // Standard input and the registry may both have taken their time.
  whose.authorised()
  if (whose.scope.kind === 'stack') gateway.stacks.get(whose.scope.name) // Refuses one that is not there.
  const before = stored(call, whose)
  const places = new Set([...before, ...auths].map(formatPlace))
  if (places.size > MOST_STORED) throw tooMany(whose, before.length)
  gateway.ground.store.registryCredentials.put(whose.scope, auths, actor.member.name)
}

function tooMany(whose: Whose, before: number): Problem {
  return new Problem('usage', {
    headline: `With these, more than ${MOST_STORED} logins would be stored for ${whose.label}; none of them was`,
    saw: `${before} are stored for it.`,
    hint: `Remove those of a registry that is not used any more with \`fairlead registry:logout HOST ${whose.option}\`, or store one login for all of a host instead of one for each path.`,
  })
}

function parseUsername(word: string | undefined): string {
  if (word === undefined || word === '') throw usage(login, 'It needs --username USER.')
  if (/[:\x00-\x1f\x7f]/.test(word)) {
    throw usage(login, "The user's name holds a ':' or a control character, which no login can carry.")
  }
  return word
}

/** Everything but the last line end, which `echo` and editors add. */
async function readPassword(stdin: Readable): Promise<Secret> {
  const password = (await wholeText(stdin, MAX_PASSWORD)).replace(/\r?\n$/, '')
  if (password === '') {
    throw usage(
      login,
      'Standard input is empty: no password came. Write it there, for example with `< FILE`.',
    )
  }
  return new Secret(password)
}

/** Says of a login that the registry does not accept, or could not be asked about, that it was not stored. */
async function check(asked: Promise<void>): Promise<void> {
  try {
    await asked
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const more = REFUSED.includes(error.code)
      ? 'Nothing was stored.'
      : 'Nothing was stored; --no-check stores it without asking the registry.'
    throw new Problem(error.code, {
      headline: error.headline,
      ...(error.saw !== undefined && { saw: error.saw }),
      hint: `${error.hint} ${more}`,
      cause: error,
    })
  }
}

function notStored(place: RegistryKey, whose: Whose, all: ReturnType<typeof stored>): Problem {
  return new Problem('not-found', {
    headline: `No login for ${formatPlace(place)} is stored for ${whose.label}`,
    saw: all.length === 0 ? 'None is stored for it.' : `Stored are: ${all.map(who).join('; ')}`,
    hint: `\`fairlead registry:list ${whose.option}\` lists them.`,
  })
}
