// `push:` of `.fairlead.yml`, or of `.aptible.yml`: where a built image goes. All of it is judged before a build; what
// only the values of a commit can show is found by planning the pushes, before a build too.
import { z } from 'zod'
import { isOwnName, parseImageReference } from '../domain/image-reference.ts'
import { nearest } from '../domain/nearest.ts'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import type { PushEntry } from '../domain/push-entry.ts'
import { parseTagTemplate, TemplateFault } from '../domain/tag-template.ts'
import { PatternFault, parseBranchPattern } from './branch-pattern.ts'
import { readYamlFile, type YamlFile, type YamlFileKind, type YamlKey } from './yaml-file.ts'

export interface PushEntries {
  readonly entries: PushEntry[]
  /** What `.fairlead.yml` asks for that nothing is done about: lines to show, the first ten. */
  readonly warnings: string[]
}

const OWN: YamlFileKind = {
  file: '.fairlead.yml',
  code: 'fairlead-yml-invalid',
  hint: 'Write `push:` and below it `  - image_name: quay.io/acme/shop` for each image; below that, where you want them, `    image_tag: "{{ .Branch }}-{{ .CommitID }}"` and `    tag: "^master$"`, with the quotes. Commit and push again.',
}
const APTIBLE: YamlFileKind = { ...OWN, file: '.aptible.yml' }
const MAX_ENTRIES = 20
const MAX_TEXT = 1000
const MAX_WARNINGS = 10

/** What a push step of Codeship holds besides. */
const CODESHIP: ReadonlyMap<string, { readonly what: string; readonly hint: string }> = new Map([
  ['type', { what: 'everything below push is a push', hint: 'Delete the line, commit and push again.' }],
  [
    'registry',
    {
      what: 'the registry is the host that image_name begins with',
      hint: 'Delete the line, and let image_name begin with the host, for example quay.io/acme/shop (without one it is at docker.io). Commit and push again.',
    },
  ],
  [
    'encrypted_dockercfg_path',
    {
      what: 'the file dockercfg.encrypted at the root of the repository is found by itself',
      hint: 'Delete the line. Make the file anew with `fairlead registry:encrypt FILE > dockercfg.encrypted`: what jet has encrypted cannot be read here. Commit and push again.',
    },
  ],
  [
    'dockercfg_service',
    {
      what: 'what generates credentials is set up once for the app',
      hint: 'Delete the line, and run `fairlead registry:generator NAME --image IMAGE`. Commit and push again.',
    },
  ],
])

const text = (key: string) =>
  z
    .string({
      error: ({ input }) =>
        input === undefined ? `${key} is missing` : `${key} must be text: put quotes around it`,
    })
    .min(1, `${key} is empty`)
    .max(MAX_TEXT, `${key} has more than ${MAX_TEXT} characters`)
const Entry = z.strictObject(
  {
    image_name: text('image_name'),
    image_tag: text('image_tag').default('latest'),
    tag: text('tag').optional(),
    name: text('name').default('push'),
    service: text('service').optional(),
  },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'an entry of push must hold keys, image_name among them' : undefined,
  },
)
const Entries = z
  .array(Entry, 'push must hold a list of entries')
  .max(MAX_ENTRIES, `there are more than ${MAX_ENTRIES} entries`)
const KEYS = Object.keys(Entry.shape)

/**
 * Call it after `parseAptibleYml`, which has the better words for an `.aptible.yml` that is no YAML.
 * @param fairleadYml content of the file, null when there is none; `aptibleYml` likewise
 * @throws Problem `fairlead-yml-invalid` with file and line
 */
export function readPushEntries(fairleadYml: Uint8Array | null, aptibleYml: Uint8Array | null): PushEntries {
  const own = fairleadYml === null ? null : readYamlFile(fairleadYml, OWN)
  const aptible = aptibleYml === null ? null : readYamlFile(aptibleYml, APTIBLE)
  const pushOf = (yml: YamlFile | null) => yml?.keys.find(key => key.name === 'push')
  const [here, there] = [pushOf(own), pushOf(aptible)]
  if (here && there) throw bothHaveIt(here, there)
  const others = own?.keys.filter(key => key !== here) ?? []
  return {
    entries: [
      ...(own && here ? readEntries(own, here) : []),
      ...(aptible && there ? readEntries(aptible, there) : []),
    ],
    warnings: others.slice(0, MAX_WARNINGS).map(ignored),
  }
}

function readEntries(yml: YamlFile, key: YamlKey): PushEntry[] {
  const value = key.value()
  if (value === null) return []
  // One entry needs no list: its keys then stand directly below push.
  const single = typeof value === 'object' && !Array.isArray(value)
  const lineOf = (path: readonly PropertyKey[]) => key.lineAt(single ? path.slice(1) : path)

  const read = Entries.safeParse(single ? [value] : value)
  if (!read.success) throw refusal(yml, lineOf, read.error.issues[0])

  return read.data.map((entry, index) => {
    function parsed<Text extends string | undefined, T>(
      name: string,
      given: Text,
      parse: (text: Text) => T,
    ): T {
      try {
        return parse(given)
      } catch (error) {
        const reason = reasonOf(error)
        if (reason === null) throw error
        const line = lineOf([index, name])
        throw yml.refuse(line, `${name}: ${reason}`, { saw: withoutLogin(yml.textOf(line)) })
      }
    }
    return {
      at: `${yml.file}:${lineOf([index])}`,
      name: entry.name,
      service: entry.service ?? null,
      image: entry.image_name,
      reference: parsed('image_name', entry.image_name, bareName),
      tagTemplate: parsed('image_tag', entry.image_tag, parseTagTemplate),
      pattern: parsed('tag', entry.tag, tag => (tag === undefined ? null : parseBranchPattern(tag))),
    }
  })
}

function refusal(
  yml: YamlFile,
  lineOf: (path: readonly PropertyKey[]) => number,
  issue: z.core.$ZodIssue | undefined,
): Problem {
  const path = issue?.path ?? []
  if (issue?.code !== 'unrecognized_keys')
    return yml.refuse(lineOf(path), issue?.message ?? 'this cannot be read')
  const unknown = issue.keys[0] ?? ''
  const known = CODESHIP.get(unknown)
  const near = nearest(unknown, KEYS)
  const what =
    known?.what ?? (near === null ? `the keys here are ${KEYS.join(', ')}` : `did you mean ${near}?`)
  return yml.refuse(
    lineOf([...path, unknown]),
    `${printable(unknown, 60)} is no key of a push entry: ${what}`,
    known && { hint: known.hint },
  )
}

/** @throws Problem `image-reference-invalid`, also when there is more than a name */
function bareName(name: string) {
  const reference = parseImageReference(name)
  // While it is pushed an image bears the name on the engine: it would stand where the image of another app stood.
  if (isOwnName(reference)) {
    throw new Problem('image-reference-invalid', {
      headline: 'names at docker.io that begin with fairlead- are those of the images of apps on an engine',
      hint: OWN.hint,
    })
  }
  if (reference.digest === null && reference.tag === null) return reference
  const more =
    reference.digest === null ? `the tag ${reference.tag}, which belongs into image_tag` : 'a digest'
  throw new Problem('image-reference-invalid', { headline: `the name has ${more}`, hint: OWN.hint })
}

/** What is wrong with a value; null when the error is not about that. */
function reasonOf(error: unknown): string | null {
  if (error instanceof TemplateFault) return error.message
  if (error instanceof PatternFault) return `not a regular expression that can be used: ${error.message}`
  if (error instanceof Problem && error.code === 'image-reference-invalid') return error.headline
  return null
}

/** Somebody may have written `user:password@` in front of a name. */
function withoutLogin(line: string): string {
  return printable(line.replace(/\S*@/g, '…@'))
}

function bothHaveIt(here: YamlKey, there: YamlKey): Problem {
  return new Problem(OWN.code, {
    headline: `${OWN.file}:${here.line} and ${APTIBLE.file}:${there.line} both have push`,
    saw: 'Which of the two is meant cannot be known.',
    hint: `Keep push in one of the files, best in ${OWN.file}, and delete it from the other. Commit and push again.`,
  })
}

const OF_APTIBLE_YML = /^before_(?:release|deploy)$/

function ignored({ name, line }: YamlKey): string {
  const what = OF_APTIBLE_YML.test(name)
    ? 'it belongs into .aptible.yml'
    : `there is no such key${nearest(name, ['push']) === null ? '' : '; did you mean push?'}`
  return `${OWN.file}:${line}: ${printable(name, 60)} is ignored: ${what}`
}
