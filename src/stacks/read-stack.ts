// The text of a stack file becomes a Stack, or one Problem that names file, line and key of everything wrong in it.
import { accessSync, constants, statSync } from 'node:fs'
import { basename, dirname, extname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { parseHandle } from '../domain/app.ts'
import { nearest } from '../domain/nearest.ts'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import type { EngineAddress, Stack } from '../domain/stack.ts'
import { lines } from './lines.ts'
import { KNOWN_KEYS, stackSchema } from './schema.ts'

/** Something wrong: where in the file, by key or line, and what. */
type Fault = { path: readonly PropertyKey[]; message: string } | { line: number; message: string }
type Given = z.infer<typeof stackSchema>
const PEM_FILES = ['ca', 'cert', 'key'] as const

/**
 * @param file path of the file; its name without `.yml` is the stack's, and PEM files are relative to its directory
 * @throws Problem `stack-invalid`
 */
export function readStack(file: string, text: string): Stack {
  const name = stackName(file)
  const document = parseDocument(text, { prettyErrors: false })
  const { lineAt, lineOf } = lines(text, document)
  const broken = (faults: Fault[]) => {
    const found = faults
      .map(fault => ({
        line: 'line' in fault ? fault.line : lineOf(fault.path),
        key: 'path' in fault && fault.path.length > 0 ? `${printable(fault.path.join('.'))}: ` : '',
        message: printable(fault.message, 300),
      }))
      .sort((a, b) => a.line - b.line)
    return invalid(
      file,
      found.map(({ line, key, message }) => `${basename(file)}:${line}: ${key}${message}`),
    )
  }

  const notYaml = [...document.errors, ...document.warnings]
  if (notYaml.length > 0) {
    throw broken(notYaml.map(({ pos, message }) => ({ line: lineAt(pos[0]), message })))
  }
  const given = plainValue(document, () => broken([{ line: 1, message: 'its aliases make too much of it' }]))
  const result = stackSchema.safeParse(given)
  const faults = [
    ...(result.error?.issues ?? []).flatMap(schemaFaults),
    ...faultsBetweenKeys(given, dirname(file)),
  ]
  if (!result.success || faults.length > 0) throw broken(faults)
  const { engine, ...rest } = result.data
  return { name, ...rest, engine: engineAddress(engine, dirname(file)) }
}

/** @throws Problem `stack-invalid` for a file whose name cannot be a stack's */
function stackName(file: string): string {
  const name = basename(file, '.yml')
  try {
    if (extname(file) === '.yml') return parseHandle(name, 'stack')
  } catch {
    // Said below, in words that fit a file.
  }
  const rule = "a stack file is named with 1 to 40 of a-z, 0-9 and '-', and ends in .yml"
  throw invalid(file, [`${printable(basename(file))}: ${rule}`])
}

function plainValue(document: ReturnType<typeof parseDocument>, tooLarge: () => Problem): unknown {
  try {
    return document.toJS()
  } catch {
    throw tooLarge()
  }
}

function schemaFaults(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }]
  const known = KNOWN_KEYS[issue.path.join('.')] ?? []
  return issue.keys.map(key => {
    const near = nearest(key, known)
    const advice = near === null ? `the keys here are ${known.join(', ')}` : `did you mean ${near}?`
    return { path: [...issue.path, key], message: `is no key of a stack file; ${advice}` }
  })
}

/** What no key can tell alone. Looks at the file as it was given, so that it is said together with all the rest. */
function faultsBetweenKeys(given: unknown, directory: string): Fault[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return []
  const { engine, network } = given as {
    engine?: Partial<Record<string, unknown>>
    network?: Partial<Given['network']>
  }
  const faults: Fault[] = []
  const isSet = (key: string) => engine?.[key] !== undefined
  if (isSet('unix') === isSet('tcp')) {
    const message = isSet('unix') ? 'has both unix and tcp: keep one' : 'is missing: give it unix or tcp'
    faults.push({ path: ['engine'], message })
  }
  for (const key of PEM_FILES) {
    const path = engine?.[key]
    if (isSet('tcp') && path === undefined) {
      faults.push({ path: ['engine', key], message: 'is missing: an engine over TCP needs ca, cert and key' })
    } else if (isSet('unix') && !isSet('tcp') && path !== undefined) {
      faults.push({ path: ['engine', key], message: 'goes with tcp only' })
    } else if (typeof path === 'string' && path !== '') {
      const code = cannotRead(resolve(directory, path))
      if (code !== null)
        faults.push({
          path: ['engine', key],
          message: `${resolve(directory, path)} cannot be read (${code})`,
        })
    }
  }
  const prefix = Number(String(network?.pool ?? '10.210.0.0/16').split('/')[1])
  if (typeof network?.size === 'number' && network.size < prefix) {
    const message = `${network.size} is larger than the whole pool, which is a /${prefix}`
    faults.push({ path: ['network', 'size'], message })
  }
  return faults
}

function cannotRead(path: string): string | null {
  try {
    accessSync(path, constants.R_OK)
    return statSync(path).isFile() ? null : 'it is no file'
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

function engineAddress(engine: Given['engine'], directory: string): EngineAddress {
  const { unix, tcp, ca, cert, key } = engine
  if (unix !== undefined) return { kind: 'unix', path: unix }
  if (!tcp || !ca || !cert || !key) throw new Error('A stack file without an engine was let through')
  const pem = { ca: resolve(directory, ca), cert: resolve(directory, cert), key: resolve(directory, key) }
  return { kind: 'tls', host: tcp.host, port: tcp.port, ...pem }
}

function invalid(file: string, found: string[]): Problem {
  return new Problem('stack-invalid', {
    headline: `The stack file ${file} cannot be used`,
    saw: found.join('\n'),
    hint: 'Correct the file: it is read again by itself. stacks/README.md lists every key.',
  })
}
