import test from 'ava'
import fc from 'fast-check'
import { isTag } from '../../../src/domain/image-reference.ts'
import {
  expandTag,
  parseTagTemplate,
  TEMPLATE_NAMES,
  TemplateFault,
  type TemplateValues,
} from '../../../src/domain/tag-template.ts'

const values = (over: Partial<TemplateValues> = {}): TemplateValues => ({
  ...(Object.fromEntries(TEMPLATE_NAMES.map(name => [name, `<${name}>`])) as Record<
    (typeof TEMPLATE_NAMES)[number],
    string
  >),
  ...over,
})
const expand = (text: string, over: Partial<TemplateValues> = {}) =>
  expandTag(parseTagTemplate(text), values(over))

function fault(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    if (error instanceof TemplateFault) return error.message
    throw error
  }
  throw new Error('there was no fault')
}

for (const [text, tag] of [
  ['latest', 'latest'],
  ['{{.Branch}}', 'Branch'],
  ['{{ .Branch }}-{{ .CommitID }}', 'Branch-CommitID'],
  ['v{{\t.BuildID\n}}.{{   .Ci}}', 'vBuildID.Ci'],
  ['a {{- .Branch -}} b', 'aBranchb'],
  ['a {{-\n.Branch\n-}} b', 'aBranchb'],
  ['a{{/* a comment, with }} and {{ .Wat }} */}}b', 'ab'],
  ['a{{- /* a comment */ -}}b', 'ab'],
  ['{{ .CiName }}{{ .CiName }}', 'CiNameCiName'],
  ['a}}b', 'ab'],
  ['{.Branch}', 'Branch'],
] as const) {
  test(`${JSON.stringify(text)} makes the tag ${tag}`, t => t.is(expand(text), tag))
}

test('every name of the list has its value', t => {
  for (const name of TEMPLATE_NAMES) t.is(expand(`{{ .${name} }}`), name)
})

test('a value is not read as a template', t => {
  t.is(expand('{{ .Branch }}', { Branch: '{{ .CommitID }}' }), 'CommitID')
  t.is(expandTag(parseTagTemplate('{{ .Branch }}'), values({ Branch: '{{ .Wat }}$&$1' })), 'Wat1')
})

for (const [value, tag] of [
  ['release/1.0', 'release1.0'],
  ['-.-.a.-', 'a.-'],
  ['_a', '_a'],
  ['ä日本👍x', 'x'],
  ['a\n\tb\0c', 'abc'],
  ['x'.repeat(200), 'x'.repeat(128)],
  [`-${'x'.repeat(127)}yz`, `${'x'.repeat(127)}y`],
] as const) {
  test(`of ${JSON.stringify(value)} the tag ${tag} is left`, t => {
    t.is(expand('{{ .Branch }}', { Branch: value }), tag)
  })
}

test('what is left out before the value of another name does not change it', t => {
  t.is(expand('{{ .CommitMessage }}{{ .CommitID }}', { CommitMessage: '…-.', CommitID: 'abc' }), 'abc')
})

test('a tag of which nothing is left is a fault', t => {
  for (const branch of ['', '日本', '--..']) {
    t.is(
      fault(() => expand('{{ .Branch }}', { Branch: branch })),
      'nothing that a tag may hold is left of "{{ .Branch }}"',
    )
  }
  t.is(
    fault(() => expand('//')),
    'nothing that a tag may hold is left of "//"',
  )
})

for (const [text, reason] of [
  ['{{ .Brnch }}', 'there is no {{ .Brnch }}: did you mean {{ .Branch }}?'],
  ['{{ .branch }}', 'there is no {{ .branch }}: did you mean {{ .Branch }}?'],
  ['{{ .commitid }}', 'there is no {{ .commitid }}: did you mean {{ .CommitID }}?'],
  ['{{ .CommitId }}', 'there is no {{ .CommitId }}: did you mean {{ .CommitID }}?'],
  ['{{ .toString }}', `there is no {{ .toString }}: the names are ${TEMPLATE_NAMES.join(', ')}`],
  ['{{ .Branch', '"{{ .Branch" has no closing }}'],
  ['a{{/* b }}', '"{{/* b }}" has no closing }}'],
  ...[
    '{{}}',
    '{{ . }}',
    '{{ Branch }}',
    '{{ .Time.Unix }}',
    '{{ .Branch | printf "%s" }}',
    '{{ printf "%s" .Branch }}',
    '{{ if .Ci }}',
    '{{ range .Branch }}',
    '{{ end }}',
    '{{ "text" }}',
    '{{ $x := .Branch }}',
    '{{ .Branch .Ci }}',
    '{{ . Branch }}',
    '{{-.Branch}}',
    '{{{ .Branch }}',
    '{{ {{ .Branch }}',
    '{{ .Bränch }}',
  ].map(text => [text, null] as const),
] as const) {
  test(`${text} is refused`, t => {
    const said = fault(() => parseTagTemplate(text))
    if (reason === null) t.regex(said, /^"\{\{.*" is not understood: only \{\{ \.Name \}\} is$/)
    else t.is(said, reason)
  })
}

test('what is refused is shown short and harmless', t => {
  t.is(
    fault(() => parseTagTemplate(`{{ "\u001b[2J${'x'.repeat(900)}" }}`)),
    `"{{ "\\u{1b}[2J${'x'.repeat(51)}…" is not understood: only {{ .Name }} is`,
  )
})

test('whatever the template and the values, the result is a tag or a fault', t => {
  const piece = fc.oneof(
    fc.constantFrom('{{', '}}', '{{ .Branch }}', '{{- .CommitMessage -}}', '/*', '*/', '.', '-', ' ', 'x'),
    fc.string({ unit: 'binary', maxLength: 5 }),
  )
  const text = fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join(''))
  fc.assert(
    fc.property(text, fc.string({ unit: 'binary', maxLength: 300 }), text, (template, a, b) => {
      try {
        t.true(isTag(expand(template, { Branch: a, CommitMessage: b })))
      } catch (error) {
        t.true(error instanceof TemplateFault, String(error))
      }
    }),
    { numRuns: 3000 },
  )
})
