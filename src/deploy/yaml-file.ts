// A small YAML file of a commit, at its top level: keys with values, and in which line everything stands.
import { isCollection, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { printable } from '../domain/printable.ts'
import { Problem, type ProblemCode } from '../domain/problem.ts'
import { decodeTextFile } from '../domain/text-file.ts'

export interface YamlFileKind {
  /** Name for messages: `.aptible.yml`. */
  readonly file: string
  /** Code of the Problems about it. */
  readonly code: ProblemCode
  readonly hint: string
}

export interface YamlFile {
  readonly file: string
  /** In their order; none is there twice. */
  readonly keys: readonly YamlKey[]
  /** The Problem that a line of the file is: the reason behind its place, the line itself as what was seen. */
  refuse(line: number, reason: string, instead?: { saw?: string; hint?: string }): Problem
  /** The line as it was written. */
  textOf(line: number): string
}

export interface YamlKey {
  readonly name: string
  readonly line: number
  /**
   * The value as plain data, null when there is none.
   * @throws Problem when its aliases make too much of it
   */
  value(): unknown
  /** Line of what stands below the key at that path, or of the nearest above it. */
  lineAt(path: readonly PropertyKey[]): number
}

/** The parser compares every key with every other: at 64 KiB that alone takes seconds. */
const MAX_BYTES = 16 * 1024
const MAX_ALIASES = 20

/** @throws Problem of the kind's code with the line */
export function readYamlFile(content: Uint8Array, kind: YamlFileKind): YamlFile {
  const { file, code } = kind
  const text = decodeTextFile(content, { file, maxBytes: MAX_BYTES, code })
  const counter = new LineCounter()
  // Its own warnings would go to the standard error of the gateway.
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: 'error' })
  const lineOf = (node: unknown) => counter.linePos((node as Node | undefined)?.range?.[0] ?? 0).line || 1
  const textOf = (line: number) => text.split('\n')[line - 1]?.trimEnd() ?? ''
  const refuse: YamlFile['refuse'] = (line, reason, instead = {}) =>
    new Problem(code, {
      headline: `${file}:${line}: ${reason}`,
      saw: instead.saw ?? printable(textOf(line)),
      hint: instead.hint ?? kind.hint,
    })

  const syntax = document.errors[0]
  if (syntax !== undefined) {
    const several = syntax.code === 'MULTIPLE_DOCS'
    const reason = several ? 'a second document begins' : `not YAML: ${printable(syntax.message, 200)}`
    throw refuse(counter.linePos(syntax.pos[0]).line, reason)
  }
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return { file, keys: [], refuse, textOf }
  if (!isMap(root)) throw refuse(lineOf(root), 'the file must hold keys with values')

  /** The library counts what aliases expand to, so that a few bytes cannot become gigabytes. */
  function expanded(pair: Pair): unknown {
    try {
      return (pair.value as Node | null)?.toJS(document, { maxAliasCount: MAX_ALIASES }) ?? null
    } catch (error) {
      if (error instanceof ReferenceError)
        throw refuse(lineOf(pair.key), 'the aliases (*name) cannot be followed')
      throw error
    }
  }

  const keys = root.items.map((pair): YamlKey => {
    const name = isScalar(pair.key) ? pair.key.value : null
    const line = lineOf(pair.key)
    if (typeof name !== 'string') throw refuse(line, 'a key must be text')
    return {
      name,
      line,
      value: () => expanded(pair),
      lineAt(path) {
        let found: number | null = null
        for (let at: unknown = pair.value, i = 0; i < path.length; i += 1) {
          at = isCollection(at) ? at.get(path[i], true) : undefined
          if (at === undefined) break
          found = lineOf(at)
        }
        return found ?? line
      },
    }
  })
  return { file, keys, refuse, textOf }
}
