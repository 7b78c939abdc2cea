// `fairlead registry:encrypt`: the one command that is answered on this machine, so that what it encrypts never leaves
// it. The gateway is asked for the public half of the app's key alone.
import { parseArgs } from 'node:util'
import { type AppName, parseAppPath, parseHandle } from '../domain/app.ts'
import { parseDockercfg } from '../domain/dockercfg.ts'
import { decodeDockercfg, MAX_DOCKERCFG } from '../domain/dockercfg-text.ts'
import { ENCRYPT_COMMAND, RECIPIENT, writeEncryptedDockercfg } from '../domain/encrypted-dockercfg.ts'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import { readLocalFile } from './local-file.ts'
import type { Target } from './target.ts'

const ENCRYPT = 'registry:encrypt'

const ENCRYPT_HELP = `Usage: ${ENCRYPT_COMMAND}

Encrypts the config.json or .dockercfg FILE (- for standard input) for the key of an app and prints the result, for
the root of the app's repository. This happens on this machine: the gateway is asked for the public key only.

  --key age1...      this key, without asking the gateway (\`fairlead registry:key\` prints it)
  --app APP          another app: APP, or ENVIRONMENT/APP
  --environment ENV  another environment
`

/** Bytes: armoured, what is in there has to fit in MAX_DOCKERCFG. */
const MAX_PLAIN = MAX_DOCKERCFG / 2

export interface Gateway {
  target(): Promise<Target>
  /** Runs the words over there; what goes wrong is said on standard error, by whoever saw it. */
  ask(target: Target, words: readonly string[]): Promise<{ status: number; output: string }>
}

/**
 * @param words behind `registry:encrypt`
 * @returns what to print, only if all went well: people redirect it into a file that they commit
 * @throws Problem `usage`, `dockercfg-invalid`
 */
export async function encrypt(
  words: readonly string[],
  stdin: AsyncIterable<Buffer>,
  gateway: Gateway,
): Promise<{ status: number; output: string }> {
  const { path, options } = parseWords(words)
  if (options.help === true) return { status: 0, output: ENCRYPT_HELP }
  const plain = path === '-' ? await readAll(stdin) : readLocalFile({ path, wantedBy: ENCRYPT })
  checkPlain(plain, path)

  let recipient = options.key
  let app = namedApp(options, null)
  if (recipient === undefined) {
    const target = await gateway.target()
    const { status, output } = await gateway.ask(target, questionFor(options))
    if (status !== 0) return { status, output: '' }
    recipient = output.trim()
    if (!RECIPIENT.test(recipient)) throw noKey(output)
    app = namedApp(options, target.app)
  }
  const { armor, Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  try {
    encrypter.addRecipient(recipient)
  } catch {
    throw wrongKey('its checksum does not fit: a character of it is wrong')
  }
  const armour = armor.encode(await encrypter.encrypt(plain))
  return { status: 0, output: writeEncryptedDockercfg(app, recipient, armour) }
}

interface Options {
  readonly key?: string
  readonly app?: string
  readonly environment?: string
  readonly help?: boolean
}

function parseWords(words: readonly string[]): { path: string; options: Options } {
  const text = { type: 'string' } as const
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: { key: text, app: text, environment: text, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
    const [path = '', ...more] = positionals
    if (values.help !== true && (path === '' || more.length > 0)) throw new Error('It needs one FILE.')
    if (values.key !== undefined && !RECIPIENT.test(values.key)) {
      throw wrongKey("it is not 'age1' and 58 of the letters and digits that such keys are made of")
    }
    return { path, options: values }
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('usage', {
      headline: `\`fairlead ${ENCRYPT}\` was called with wrong words`,
      // What stands behind a '=' may be a secret.
      saw: printable((error as Error).message.split('. ')[0]?.replace(/=[^']*/g, '=…') ?? '', 200),
      hint: `Write \`${ENCRYPT_COMMAND}\`, with --app APP or --key age1… if need be.`,
    })
  }
}

/** The app that a call to the gateway with these words would be about; null where only the gateway can tell. */
function namedApp({ app, environment }: Options, context: AppName | null): AppName | null {
  if (app?.includes('/')) return parseAppPath(app)
  const handle = app === undefined ? context?.app : parseHandle(app, 'app')
  const inside = environment === undefined ? context?.environment : parseHandle(environment, 'environment')
  return handle === undefined || inside === undefined ? null : { environment: inside, app: handle }
}

function questionFor({ app, environment }: Options): string[] {
  return [
    'registry:key',
    ...(app === undefined ? [] : ['--app', app]),
    ...(environment === undefined ? [] : ['--environment', environment]),
  ]
}

/** @throws Problem for what a deploy could not use: it is told before it is committed */
function checkPlain(plain: Buffer, path: string): void {
  const file = path === '-' ? 'standard input' : printable(path)
  const start = plain.subarray(0, 64).toString('latin1')
  if (/^(?:# dockercfg|-----BEGIN AGE|age-encryption\.org)/.test(start)) {
    throw refuse(`${file} is encrypted already`, 'Give the config.json or .dockercfg that it was made of.')
  }
  if (start.startsWith('\x1f\x8b')) {
    throw refuse(
      `${file} is an archive, and only the file in it can be encrypted`,
      `Unpack it: \`tar -xzOf FILE .docker/config.json | fairlead ${ENCRYPT} - > dockercfg.encrypted\`.`,
    )
  }
  if (plain.length > MAX_PLAIN) {
    throw refuse(
      `${file} is too large: ${plain.length} bytes, and at most ${MAX_PLAIN} can be encrypted`,
      'Leave only the registries in it that are needed.',
    )
  }
  parseDockercfg(decodeDockercfg(plain, file), { source: file, file })
}

async function readAll(stdin: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MAX_DOCKERCFG) break
  }
  return Buffer.concat(chunks)
}

function refuse(headline: string, hint: string): Problem {
  return new Problem('dockercfg-invalid', { headline, hint })
}

/** The key is not repeated: someone may have given the private one. */
function wrongKey(fault: string): Problem {
  return new Problem('usage', {
    headline: `--key is not the public key of an app: ${fault}`,
    hint: 'Leave --key out, or copy the line that `fairlead registry:key` prints.',
  })
}

function noKey(output: string): Problem {
  return new Problem('usage', {
    headline: 'The gateway answered `registry:key` with something that is no public key',
    saw: printable(output.trim(), 80) || 'Nothing.',
    hint: 'Run `fairlead registry:key` and give what it prints with --key.',
  })
}
