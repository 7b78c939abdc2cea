// The tag of a pushed image, as Codeship users spell it: `{{ .Branch }}-{{ .CommitID }}`. Of Go's template language this
// is all there is: a name between braces, and comments. Parsed once, so that a wrong name is known before a build.
import { isTag } from './image-reference.ts'
import { nearest } from './nearest.ts'
import { printable } from './printable.ts'

export const TEMPLATE_NAMES = [
  'ProjectID',
  'BuildID',
  'RepoName',
  'Branch',
  'CommitID',
  'CommitMessage',
  'CommitDescription',
  'CommitterName',
  'CommitterEmail',
  'CommitterUsername',
  'Time',
  'Timestamp',
  'StringTime',
  'StepName',
  'ServiceName',
  'ImageName',
  'Ci',
  'CiName',
] as const

export type TemplateName = (typeof TEMPLATE_NAMES)[number]
export type TemplateValues = Readonly<Record<TemplateName, string>>

export interface TagTemplate {
  /** As it was written. */
  readonly text: string
  readonly parts: readonly (string | { readonly name: TemplateName })[]
}

/** What is wrong with a template, in a sentence without a full stop. */
export class TemplateFault extends Error {
  override readonly name = 'TemplateFault'
}

const LONGEST_TAG = 128
/**
 * Every form of an action. The trim marks (`{{-`, `-}}`) only ever take blanks away, which no tag holds anyway. As in
 * Go a mark and what it marks are held apart by a blank, or `{{-3}}` would be a number.
 */
const ACTION = /^(?:-\s)?(.*?)(?:\s-)?$/s
const COMMENT = /^\/\*.*\*\/$/s
const FIELD = /^\.([A-Za-z_][A-Za-z0-9_]*)$/

/** @throws TemplateFault */
export function parseTagTemplate(text: string): TagTemplate {
  const parts: TagTemplate['parts'][number][] = []
  let rest = text
  for (;;) {
    const open = rest.indexOf('{{')
    if (open === -1) {
      parts.push(rest)
      return { text, parts: parts.filter(part => part !== '') }
    }
    parts.push(rest.slice(0, open))
    const close = endOfAction(rest, open + 2)
    if (close === -1) throw new TemplateFault(`${quote(rest.slice(open))} has no closing }}`)
    const name = readAction(rest.slice(open + 2, close))
    if (name !== null) parts.push({ name })
    rest = rest.slice(close + 2)
  }
}

/**
 * The tag that the template makes of these values. What a tag may not hold is left out, also a '.' or '-' at its
 * beginning; it ends after 128 characters.
 * @throws TemplateFault when nothing is left
 */
export function expandTag(template: TagTemplate, values: TemplateValues): string {
  const raw = template.parts.map(part => (typeof part === 'string' ? part : values[part.name])).join('')
  const tag = raw
    .replace(/[^A-Za-z0-9_.-]/g, '')
    .replace(/^[.-]+/, '')
    .slice(0, LONGEST_TAG)
  if (!isTag(tag)) throw new TemplateFault(`nothing that a tag may hold is left of ${quote(template.text)}`)
  return tag
}

/** Where `}}` stands that ends the action: one inside a comment does not. */
function endOfAction(text: string, from: number): number {
  const comment = /^(?:-\s)?\s*\/\*/.exec(text.slice(from))
  if (comment === null) return text.indexOf('}}', from)
  const end = text.indexOf('*/', from + comment[0].length)
  return end === -1 ? -1 : text.indexOf('}}', end)
}

/** @returns null for a comment */
function readAction(inside: string): TemplateName | null {
  const action = (ACTION.exec(inside)?.[1] ?? '').trim()
  if (COMMENT.test(action)) return null
  const field = FIELD.exec(action)?.[1]
  if (field === undefined) {
    throw new TemplateFault(`${quote(`{{${inside}}}`)} is not understood: only {{ .Name }} is`)
  }
  const known = TEMPLATE_NAMES.find(name => name === field)
  if (known !== undefined) return known
  const near = nearestName(field)
  const advice = near === null ? `the names are ${TEMPLATE_NAMES.join(', ')}` : `did you mean {{ .${near} }}?`
  throw new TemplateFault(`there is no {{ .${printable(field, 40)} }}: ${advice}`)
}

/** Upper and lower case are the commonest mistake, and count as none. */
function nearestName(word: string): TemplateName | null {
  const small = (name: string) => name.toLowerCase()
  const near = nearest(small(word), TEMPLATE_NAMES.map(small))
  return TEMPLATE_NAMES.find(name => small(name) === near) ?? null
}

function quote(text: string): string {
  return `"${printable(text, 60)}"`
}
