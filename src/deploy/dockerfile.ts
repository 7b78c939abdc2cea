// Which images a Dockerfile is built on. The build itself is the engine's; we have to know beforehand which registries
// it will ask, to ask each of them with the app's own credential and to hand the builder no other.
import { type ImageReference, parseImageReference } from '../domain/image-reference.ts'
import { Problem } from '../domain/problem.ts'
import { decodeTextFile } from '../domain/text-file.ts'
import { splitWords, UnbalancedQuote } from '../domain/words.ts'
import { CannotExpand, expandArguments } from './dockerfile-arguments.ts'
import { type Directive, type Instruction, readInstruction, readLines } from './dockerfile-lines.ts'
import { refuseDockerfile } from './dockerfile-refusal.ts'

export interface DockerfileFacts {
  /** Every external image of FROM, COPY --from and RUN --mount from, each once, in the order of the file. */
  readonly bases: ImageReference[]
  /** Line of the first here-document, which the classic builder would read as instructions; null when there is none. */
  readonly heredocLine: number | null
}

const MAX_BYTES = 1024 * 1024
/** Each costs a question to its registry. */
const MAX_BASES = 50
const SYNTAX = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?::\w[\w.-]*)?(?:@sha256:[0-9a-f]{64})?$/
const STAGE = /^[a-z][a-z0-9._-]*$/

/** @throws Problem `dockerfile-invalid` with the line */
export function readDockerfile(content: Uint8Array): DockerfileFacts {
  const file = { file: 'Dockerfile', maxBytes: MAX_BYTES, code: 'dockerfile-invalid' } as const
  const { directives, instructions, heredocLine } = readLines(decodeTextFile(content, file))
  refuseForeignSyntax(directives.get('syntax'))

  const args = new Map<string, string | null>()
  const stages = new Set<string>()
  const bases = new Map<string, ImageReference>()
  const add = (instruction: Instruction, name: string) => {
    if (stages.has(name.toLowerCase())) return
    const base = readImage(instruction, name)
    bases.set(JSON.stringify([base.host, base.repository, base.tag, base.digest]), base)
    if (bases.size > MAX_BASES) {
      const hint = 'Build on fewer images, for example on one base image of your own that holds them.'
      throw refuse(instruction, `the file is built on more than ${MAX_BASES} different images`, hint)
    }
  }

  let inStage = false
  let current = ''
  for (const instruction of instructions) {
    if (instruction.keyword === 'FROM') {
      // A stage can be named from the next FROM on: before, the name still means an image.
      if (current !== '') stages.add(current)
      inStage = true
      const from = readFrom(instruction, args)
      current = from.stage
      if (from.image !== 'scratch') add(instruction, from.image)
    } else if (!inStage && instruction.keyword === 'ARG') {
      declare(instruction, args)
    } else if (!inStage) {
      const hint = 'Begin with `FROM image`; only ARG may stand before it.'
      throw refuse(instruction, `${instruction.keyword} stands before the first FROM`, hint)
    } else {
      for (const name of sourcesOf(instruction)) add(instruction, name)
    }
  }
  if (!inStage) {
    const what = instructions.length === 0 ? 'the file holds no instruction' : 'there is no FROM'
    throw refuseDockerfile(instructions[0]?.line ?? 1, what, '', 'Begin with `FROM image`.')
  }
  return { bases: [...bases.values()], heredocLine }
}

/** A frontend is a program that the builder pulls and runs with all it may do itself. */
function refuseForeignSyntax(directive: Directive | undefined): void {
  if (directive === undefined || SYNTAX.test(directive.value)) return
  throw refuseDockerfile(
    directive.line,
    '# syntax= names a program that the builder would run, and only docker/dockerfile may be one',
    directive.value,
    'Delete the line, or write `# syntax=docker/dockerfile:1`.',
  )
}

function declare(instruction: Instruction, args: Map<string, string | null>): void {
  for (const word of wordsOf(instruction)) {
    const equals = word.indexOf('=')
    const name = equals === -1 ? word : word.slice(0, equals)
    // A default that cannot be expanded does no harm as long as no FROM asks for it.
    args.set(name, equals === -1 ? null : expandedOrNull(word.slice(equals + 1), args))
  }
}

function expandedOrNull(text: string, args: ReadonlyMap<string, string | null>): string | null {
  try {
    return expandArguments(text, args)
  } catch (error) {
    if (error instanceof CannotExpand) return null
    throw error
  }
}

function wordsOf(instruction: Instruction): string[] {
  try {
    return splitWords(instruction.args)
  } catch (error) {
    if (error instanceof UnbalancedQuote) throw refuse(instruction, error.message, 'Close the quote.')
    throw error
  }
}

/** `stage` is in lower case, empty when there is none. */
function readFrom(
  instruction: Instruction,
  args: ReadonlyMap<string, string | null>,
): { image: string; stage: string } {
  const [image, as, stage, ...more] = readFlags(instruction).words
  const named = as !== undefined
  if (
    image === undefined ||
    (named && (as.toUpperCase() !== 'AS' || stage === undefined)) ||
    more.length > 0
  ) {
    throw refuse(instruction, 'FROM cannot be read', 'Write `FROM image` or `FROM image AS name`.')
  }
  const name = stage?.toLowerCase() ?? ''
  if (named && !STAGE.test(name)) {
    throw refuse(
      instruction,
      'the name of the stage cannot be read',
      "Use a letter, then a-z, 0-9, '.', '_' and '-'.",
    )
  }
  try {
    return { image: expandArguments(image, args), stage: name }
  } catch (error) {
    if (!(error instanceof CannotExpand)) throw error
    const hint = 'Give it a default above the first FROM (`ARG NAME=value`), or write the image in full.'
    throw refuse(instruction, `which image FROM means is not known: ${error.message}`, hint)
  }
}

/** Images or stages that an instruction takes files from. Those of ONBUILD count: a later stage may set them off. */
function sourcesOf(instruction: Instruction): string[] {
  if (instruction.keyword === 'ONBUILD') {
    const trigger = readInstruction(instruction.args, instruction.line)
    if (trigger.keyword !== 'ONBUILD' && trigger.keyword !== 'FROM') return sourcesOf(trigger)
    throw refuse(
      instruction,
      `${trigger.keyword} cannot stand behind ONBUILD`,
      'Name another instruction behind it.',
    )
  }
  if (instruction.keyword !== 'COPY' && instruction.keyword !== 'RUN') return []
  const names = readFlags(instruction).flags.flatMap(flag => {
    if (instruction.keyword === 'COPY') return flag.name === 'from' ? [flag.value] : []
    if (flag.name !== 'mount') return []
    const fields = flag.value.split(',').map(field => /^from=(.*)$/i.exec(field)?.[1])
    return fields.filter(value => value !== undefined)
  })
  for (const name of names) {
    if (!name.includes('$')) continue
    const hint = 'Name a stage: `FROM $IMAGE AS files`, then from=files.'
    throw refuse(instruction, 'builders expand no variable in from=', hint)
  }
  return names.filter(name => name !== '' && !/^[+-]?\d+$/.test(name) && name !== 'scratch')
}

interface Flags {
  readonly flags: { name: string; value: string }[]
  readonly words: string[]
}

/** Flags stand before everything else. A quote in one would hide from us where it ends. */
function readFlags(instruction: Instruction): Flags {
  const flags: Flags['flags'] = []
  let rest = instruction.args
  while (rest.startsWith('--')) {
    const word = /^\S+/.exec(rest)?.[0] ?? rest
    if (/[^!-~]|["'`\\]/.test(word)) {
      const hint = 'Write flags without quotes, backslashes and letters outside ASCII.'
      throw refuse(instruction, 'a flag cannot be read', hint)
    }
    const equals = word.indexOf('=')
    flags.push(
      equals === -1
        ? { name: word.slice(2), value: '' }
        : { name: word.slice(2, equals), value: word.slice(equals + 1) },
    )
    rest = rest.slice(word.length).trimStart()
  }
  return { flags, words: rest === '' ? [] : rest.split(/\s+/) }
}

function readImage(instruction: Instruction, name: string): ImageReference {
  try {
    return parseImageReference(name)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    throw refuseDockerfile(instruction.line, error.headline, '', error.hint)
  }
}

function refuse(instruction: Instruction, reason: string, hint: string): Problem {
  return refuseDockerfile(instruction.line, reason, `${instruction.keyword} ${instruction.args}`, hint)
}
