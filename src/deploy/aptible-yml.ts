// `.aptible.yml`: commands that run once in the new image before anything of a release is started.
import { type Document, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { z } from 'zod'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import { decodeTextFile } from '../domain/text-file.ts'

export interface AptibleYml {
  /** In the order they run; empty when the file names none. */
  readonly beforeRelease: string[]
  /** What the file asks for that nothing is done about: lines to show, the first ten. */
  readonly warnings: string[]
}

const FILE = '.aptible.yml'
/** The parser compares every key with every other: at 64 KiB that alone takes seconds. */
const MAX_BYTES = 16 * 1024
const MAX_COMMANDS = 50
const MAX_ALIASES = 20
const MAX_WARNINGS = 10

const HOOK = /^after_(?:deploy|restart|configure|scale)_(?:success|failure)$/
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/

const Commands = z
  .array(
    z
      .string('a command must be text: put quotes around it')
      .refine(text => text.trim() !== '', 'a command is empty')
      .refine(text => !CONTROL.test(text), 'a command holds a control character'),
    'this must be a command or a list of commands',
  )
  .max(MAX_COMMANDS, `there are more than ${MAX_COMMANDS} commands`)

/**
 * Reads `before_release`, or the same under the name `before_deploy`: one command or a list of them.
 * @throws Problem `aptible-yml-invalid` with the line
 */
export function parseAptibleYml(content: Uint8Array): AptibleYml {
  const text = decodeTextFile(content, { file: FILE, maxBytes: MAX_BYTES, code: 'aptible-yml-invalid' })
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false })
  const lineOf = (node: unknown) => counter.linePos((node as Node | undefined)?.range?.[0] ?? 0).line || 1
  const refuse = (line: number, reason: string) => invalid(text, line, reason)

  const syntax = document.errors[0]
  if (syntax !== undefined) {
    const several = syntax.code === 'MULTIPLE_DOCS'
    const reason = several ? 'a second document begins' : `not YAML: ${printable(syntax.message, 200)}`
    throw refuse(counter.linePos(syntax.pos[0]).line, reason)
  }
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return { beforeRelease: [], warnings: [] }
  if (!isMap(root)) throw refuse(lineOf(root), 'the file must hold keys with values')

  let commands: Pair | null = null
  const warnings: string[] = []
  for (const pair of root.items) {
    const key = isScalar(pair.key) ? pair.key.value : null
    const line = lineOf(pair.key)
    if (typeof key !== 'string') throw refuse(line, 'a key must be text')
    if (key !== 'before_release' && key !== 'before_deploy') warnings.push(ignored(line, key))
    else if (commands === null) commands = pair
    else throw refuse(line, 'before_release and before_deploy are two names of one thing: keep one of them')
  }
  return {
    beforeRelease: commands === null ? [] : readCommands(document, commands, refuse, lineOf),
    warnings: warnings.slice(0, MAX_WARNINGS),
  }
}

function readCommands(
  document: Document,
  pair: Pair,
  refuse: (line: number, reason: string) => Problem,
  lineOf: (node: unknown) => number,
): string[] {
  const value = expanded(document, pair, () =>
    refuse(lineOf(pair.key), 'the aliases (*name) cannot be followed'),
  )
  if (value === null) return []
  const read = Commands.safeParse(typeof value === 'string' ? [value] : value)
  if (read.success) return read.data
  const issue = read.error.issues[0]
  const index = issue?.path[0]
  const item =
    index === undefined ? undefined : document.getIn([(pair.key as { value: string }).value, index], true)
  throw refuse(lineOf(item ?? pair.key), issue?.message ?? 'this cannot be read')
}

/** The library counts what aliases expand to, so that a few bytes cannot become gigabytes. */
function expanded(document: Document, pair: Pair, fault: () => Problem): unknown {
  try {
    return (pair.value as Node | null)?.toJS(document, { maxAliasCount: MAX_ALIASES }) ?? null
  } catch (error) {
    if (error instanceof ReferenceError) throw fault()
    throw error
  }
}

function ignored(line: number, key: string): string {
  const what = HOOK.test(key) ? 'hooks that run after an operation are not supported' : 'there is no such key'
  return `${FILE}:${line}: ${printable(key, 60)} is ignored: ${what}`
}

function invalid(text: string, line: number, reason: string): Problem {
  return new Problem('aptible-yml-invalid', {
    headline: `${FILE}:${line}: ${reason}`,
    saw: printable(text.split('\n')[line - 1]?.trimEnd() ?? ''),
    hint: 'Write `before_release:` and below it one line `  - command` for each command. Commit and push again.',
  })
}
