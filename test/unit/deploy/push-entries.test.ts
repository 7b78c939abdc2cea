import test from 'ava'
import fc from 'fast-check'
import { readPushEntries } from '../../../src/deploy/push-entries.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { type CaughtProblem, caughtProblem } from '../../support/caught-problem.ts'

const bytes = (text: string | null) => (text === null ? null : new TextEncoder().encode(text))
const read = (fairlead: string | null, aptible: string | null = null) =>
  readPushEntries(bytes(fairlead), bytes(aptible))
const refusal = (fairlead: string | null, aptible: string | null = null): Promise<CaughtProblem> =>
  caughtProblem(() => read(fairlead, aptible))

const HINT =
  'Write `push:` and below it `  - image_name: quay.io/acme/shop` for each image; below that, where you want them, `    image_tag: "{{ .Branch }}-{{ .CommitID }}"` and `    tag: "^master$"`, with the quotes. Commit and push again.'

const SHOP = 'push:\n  - image_name: quay.io/acme/shop\n'

test('an entry holds what is written, and what is not has its default', t => {
  const { entries, warnings } = read(`# where to
push:
  - image_name: quay.io/acme/shop
    image_tag: "{{ .Branch }}-{{ .CommitID }}"
    tag: "^(master|release/.*)$"
    name: to quay
    service: web
  - image_name: acme/shop
`)
  t.deepEqual(warnings, [])
  t.like(entries[0], {
    at: '.fairlead.yml:3',
    name: 'to quay',
    service: 'web',
    image: 'quay.io/acme/shop',
    reference: { host: 'quay.io', repository: 'acme/shop', tag: null, digest: null },
    tagTemplate: { text: '{{ .Branch }}-{{ .CommitID }}' },
    pattern: { text: '^(master|release/.*)$' },
  })
  t.true(entries[0]?.pattern?.fits('release/1'))
  t.false(entries[0]?.pattern?.fits('main'))
  t.like(entries[1], {
    at: '.fairlead.yml:8',
    name: 'push',
    service: null,
    image: 'acme/shop',
    reference: { host: 'docker.io', repository: 'acme/shop', tag: null, digest: null },
    tagTemplate: { text: 'latest', parts: ['latest'] },
    pattern: null,
  })
  t.is(entries.length, 2)
})

test('a single entry needs no list', t => {
  const { entries } = read('push:\n  image_name: localhost:5000/shop\n')
  t.like(entries[0], { at: '.fairlead.yml:1', image: 'localhost:5000/shop' })
  t.is(entries.length, 1)
})

test('.aptible.yml is read for it too, beside its own keys', t => {
  const { entries, warnings } = read(null, `before_release: rake\nwat: 1\n${SHOP}`)
  t.like(entries[0], { at: '.aptible.yml:4', image: 'quay.io/acme/shop' })
  t.deepEqual(warnings, [])
  t.is(read('# nothing\n', SHOP).entries.length, 1)
  t.is(read(SHOP, 'before_release: rake\n').entries.length, 1)
})

for (const text of [null, '', '# nothing\n', 'push:\n', 'push: []\n', '{}']) {
  test(`${JSON.stringify(text)} asks for no push`, t => {
    t.deepEqual(read(text, text === null ? null : ''), { entries: [], warnings: [] })
  })
}

test('push in both files is refused, even where one of them is empty', async t => {
  for (const own of [SHOP, 'push: []\n']) {
    t.deepEqual(await refusal(own, `before_release: a\n${SHOP}`), {
      code: 'fairlead-yml-invalid',
      headline: '.fairlead.yml:1 and .aptible.yml:2 both have push',
      saw: 'Which of the two is meant cannot be known.',
      hint: 'Keep push in one of the files, best in .fairlead.yml, and delete it from the other. Commit and push again.',
    })
  }
})

test('.fairlead.yml holds push alone: what else is in it is named in a warning', t => {
  const { entries, warnings } = read(
    `before_release: a\nbefore_deploy: b\n${SHOP}psh: 1\nwat: 2\n"\\e[2J": 3\n`,
  )
  t.is(entries.length, 1)
  t.deepEqual(warnings, [
    '.fairlead.yml:1: before_release is ignored: it belongs into .aptible.yml',
    '.fairlead.yml:2: before_deploy is ignored: it belongs into .aptible.yml',
    '.fairlead.yml:5: psh is ignored: there is no such key; did you mean push?',
    '.fairlead.yml:6: wat is ignored: there is no such key',
    '.fairlead.yml:7: \\u{1b}[2J is ignored: there is no such key',
  ])
  t.is(read(Array.from({ length: 12 }, (_, i) => `k${i}: 1\n`).join('')).warnings.length, 10)
})

for (const [title, text, headline, saw] of [
  [
    'an entry without image_name',
    'push:\n  - name: a\n    tag: b\n',
    '.fairlead.yml:2: image_name is missing',
    '  - name: a',
  ],
  [
    'an image_name with a tag',
    'push:\n  - name: a\n    image_name: quay.io/acme/shop:v1\n',
    '.fairlead.yml:3: image_name: the name has the tag v1, which belongs into image_tag',
    '    image_name: quay.io/acme/shop:v1',
  ],
  [
    'an image_name with a digest',
    `push:\n  image_name: quay.io/a@sha256:${'0'.repeat(64)}\n`,
    '.fairlead.yml:2: image_name: the name has a digest',
    `  image_name: …@sha256:${'0'.repeat(64)}`,
  ],
  [
    'an image_name that is none',
    'push:\n  - image_name: Quay.io/Acme\n',
    '.fairlead.yml:2: image_name: "Quay.io/Acme" is not an image name: upper-case letters are allowed in the tag only',
    '  - image_name: Quay.io/Acme',
  ],
  [
    "the name of an app's image",
    'push:\n  - image_name: fairlead-3f2a91/my-env/my-app\n',
    '.fairlead.yml:2: image_name: names at docker.io that begin with fairlead- are those of the images of apps on an engine',
    '  - image_name: fairlead-3f2a91/my-env/my-app',
  ],
  [
    "the name of an app's image, with its host",
    'push:\n  - image_name: index.docker.io/fairlead-3f2a91/my-env/my-app\n',
    '.fairlead.yml:2: image_name: names at docker.io that begin with fairlead- are those of the images of apps on an engine',
    '  - image_name: index.docker.io/fairlead-3f2a91/my-env/my-app',
  ],
  [
    'a login in front of an image_name',
    'push:\n  - image_name: "https://ann:hunter2@quay.io/acme/shop"\n',
    '.fairlead.yml:2: image_name: "…@quay.io/acme/shop" is not an image name: it begins like a web address; leave the scheme out',
    '  - image_name: …@quay.io/acme/shop"',
  ],
  [
    'an unknown name in image_tag',
    `${SHOP}    image_tag: "{{ .Brnch }}"\n`,
    '.fairlead.yml:3: image_tag: there is no {{ .Brnch }}: did you mean {{ .Branch }}?',
    '    image_tag: "{{ .Brnch }}"',
  ],
  [
    'more of Go in image_tag',
    `${SHOP}    image_tag: "{{ .Time.Unix }}"\n`,
    '.fairlead.yml:3: image_tag: "{{ .Time.Unix }}" is not understood: only {{ .Name }} is',
    '    image_tag: "{{ .Time.Unix }}"',
  ],
  [
    'image_tag without quotes',
    `${SHOP}    image_tag: {{ .Branch }}\n`,
    '.fairlead.yml:3: image_tag must be text: put quotes around it',
    '    image_tag: {{ .Branch }}',
  ],
  [
    'image_tag as a number',
    `${SHOP}    image_tag: 1.0\n`,
    '.fairlead.yml:3: image_tag must be text: put quotes around it',
    '    image_tag: 1.0',
  ],
  [
    'an empty image_tag',
    `${SHOP}    image_tag: ""\n`,
    '.fairlead.yml:3: image_tag is empty',
    '    image_tag: ""',
  ],
  [
    'a tag that is no regular expression',
    `${SHOP}    tag: "^(master"\n`,
    '.fairlead.yml:3: tag: not a regular expression that can be used: missing closing ): `^(master`',
    '    tag: "^(master"',
  ],
  [
    'a tag that is a bomb',
    `${SHOP}    tag: "(a{1000}){1000}"\n`,
    '.fairlead.yml:3: tag: not a regular expression that can be used: its repetitions {n} make too much of it; use + or * in their place',
    '    tag: "(a{1000}){1000}"',
  ],
  [
    'a key that is nearly one',
    `${SHOP}    imagetag: a\n`,
    '.fairlead.yml:3: imagetag is no key of a push entry: did you mean image_tag?',
    '    imagetag: a',
  ],
  [
    'a key that is nothing like one',
    `${SHOP}    wat: a\n`,
    '.fairlead.yml:3: wat is no key of a push entry: the keys here are image_name, image_tag, tag, name, service',
    '    wat: a',
  ],
  [
    'a key of a single entry that is none',
    'push:\n  image_name: a/b\n  wat: a\n',
    '.fairlead.yml:3: wat is no key of a push entry: the keys here are image_name, image_tag, tag, name, service',
    '  wat: a',
  ],
  [
    'text in place of entries',
    'push: quay.io/acme/shop\n',
    '.fairlead.yml:1: push must hold a list of entries',
    'push: quay.io/acme/shop',
  ],
  [
    'text in place of an entry',
    'push:\n  - image_name: a/b\n  - quay.io/acme/shop\n',
    '.fairlead.yml:3: an entry of push must hold keys, image_name among them',
    '  - quay.io/acme/shop',
  ],
  [
    '21 entries',
    `push:\n${'  - image_name: a/b\n'.repeat(21)}`,
    '.fairlead.yml:1: there are more than 20 entries',
    'push:',
  ],
  [
    'a list at the top',
    '- image_name: a/b\n',
    '.fairlead.yml:1: the file must hold keys with values',
    '- image_name: a/b',
  ],
  [
    'an alias to nothing',
    'push: *x\n',
    '.fairlead.yml:1: the aliases (*name) cannot be followed',
    'push: *x',
  ],
  ['push twice', `${SHOP}push: []\n`, '.fairlead.yml:3: not YAML: Map keys must be unique', 'push: []'],
] as const) {
  test(`${title} is refused with its line`, async t => {
    t.deepEqual(await refusal(text), { code: 'fairlead-yml-invalid', headline, saw, hint: HINT })
    const other = await refusal(null, text)
    t.deepEqual(other, {
      code: 'fairlead-yml-invalid',
      headline: headline.replace('.fairlead.yml', '.aptible.yml'),
      saw,
      hint: HINT,
    })
  })
}

for (const [line, reason, hint] of [
  [
    'type: push',
    'type is no key of a push entry: everything below push is a push',
    'Delete the line, commit and push again.',
  ],
  [
    'registry: quay.io',
    'registry is no key of a push entry: the registry is the host that image_name begins with',
    'Delete the line, and let image_name begin with the host, for example quay.io/acme/shop (without one it is at docker.io). Commit and push again.',
  ],
  [
    'encrypted_dockercfg_path: dockercfg.encrypted',
    'encrypted_dockercfg_path is no key of a push entry: the file dockercfg.encrypted at the root of the repository is found by itself',
    'Delete the line. Make the file anew with `fairlead registry:encrypt FILE > dockercfg.encrypted`: what jet has encrypted cannot be read here. Commit and push again.',
  ],
  [
    'dockercfg_service: generator',
    'dockercfg_service is no key of a push entry: what generates credentials is set up once for the app',
    'Delete the line, and run `fairlead registry:generator NAME --image IMAGE`. Commit and push again.',
  ],
] as const) {
  test(`who comes from Codeship is told what to do instead of ${line}`, async t => {
    t.deepEqual(await refusal(`${SHOP}    ${line}\n`), {
      code: 'fairlead-yml-invalid',
      headline: `.fairlead.yml:3: ${reason}`,
      saw: `    ${line}`,
      hint,
    })
  })
}

test('what no entry may hold as text is too long, or a key of every object', async t => {
  t.is(
    (await refusal(`${SHOP}    image_tag: ${'x'.repeat(1001)}\n`)).headline,
    '.fairlead.yml:3: image_tag has more than 1000 characters',
  )
  t.is(
    (await refusal(`${SHOP}    __proto__: a\n`)).headline,
    '.fairlead.yml:3: __proto__ is no key of a push entry: the keys here are image_name, image_tag, tag, name, service',
  )
  t.is(
    (await refusal(`${SHOP}    constructor: a\n`)).headline,
    '.fairlead.yml:3: constructor is no key of a push entry: the keys here are image_name, image_tag, tag, name, service',
  )
})

test('an anchor may be used, but aliases that multiply are refused', async t => {
  t.is(read('x: &a\n  image_name: a/b\npush: [*a, *a]').entries.length, 2)
  t.is(
    (await refusal('x: &a\n  image_name: a/b:c\npush: [*a]')).headline,
    '.fairlead.yml:3: image_name: the name has the tag c, which belongs into image_tag',
  )
  const levels = Array.from(
    { length: 9 },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(',')}]`,
  )
  t.is(
    (await refusal(`l0: &l0 lol\n${levels.join('\n')}\npush: *l9`)).headline,
    '.fairlead.yml:11: the aliases (*name) cannot be followed',
  )
})

test('bytes that are not UTF-8 and more than 16 KiB are refused', async t => {
  const bad = Buffer.from('push: []\nc: \xff', 'latin1')
  t.is(
    (await caughtProblem(() => readPushEntries(bad, null))).headline,
    '.fairlead.yml:2: the line is not UTF-8',
  )
  t.is((await refusal(`#${'x'.repeat(16_384)}`)).headline, '.fairlead.yml is too large')
})

test('nothing that the file holds makes the YAML library speak to the console', t => {
  const heard: unknown[] = []
  const emit = process.emitWarning
  process.emitWarning = ((warning: unknown) => heard.push(warning)) as typeof process.emitWarning
  try {
    t.throws(() => read(`${SHOP}    image_tag: {{ .Branch }}\n`), { instanceOf: Problem })
  } finally {
    process.emitWarning = emit
  }
  t.deepEqual(heard, [])
})

test('whatever the text, the answer is entries or a Problem with a line', t => {
  const piece = fc.constantFrom(
    ...[
      'push',
      ':',
      ' ',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '"',
      '|',
      '!',
      '?',
      '#',
      '<<',
      '5',
    ],
    ...[
      'push:\n',
      '  - image_name: a/b\n',
      '    image_tag: ',
      '    tag: ',
      '{{ .Branch }}',
      '    name: x\n',
      'a/b',
    ],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), pieces => {
      try {
        t.true(read(pieces.join('')).entries.every(({ reference }) => reference.tag === null))
      } catch (error) {
        t.true(error instanceof Problem, String(error))
        t.regex((error as Problem).headline, /^\.fairlead\.yml:[1-9]\d*: /)
      }
    }),
    { numRuns: 2000 },
  )
})
