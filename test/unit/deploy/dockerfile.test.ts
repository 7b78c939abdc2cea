// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how a Dockerfile writes its variables
import test from 'ava'
import fc from 'fast-check'
import { readDockerfile } from '../../../src/deploy/dockerfile.ts'
import { formatImageReference } from '../../../src/domain/image-reference.ts'
import { Problem } from '../../../src/domain/problem.ts'

const read = (text: string) => readDockerfile(new TextEncoder().encode(text))
const bases = (text: string) => read(text).bases.map(formatImageReference)

function refusal(content: string | Uint8Array): Problem {
  try {
    readDockerfile(typeof content === 'string' ? new TextEncoder().encode(content) : content)
  } catch (error) {
    if (error instanceof Problem && error.code === 'dockerfile-invalid') return error
    throw error
  }
  throw new Error('the Dockerfile was accepted')
}

const digest = `sha256:${'a'.repeat(64)}`

for (const [title, text, expected] of [
  ['the image of FROM', 'FROM quay.io/acme/base:1\nRUN make', ['quay.io/acme/base:1']],
  ['a digest', `FROM acme/base@${digest}`, [`docker.io/acme/base@${digest}`]],
  ['nothing for scratch', 'FROM scratch\nCOPY a b', []],
  [
    'lower case, tabs, comments, CRLF and a byte order mark',
    '\ufeff# hi\r\n\r\n\tfrom\tbusybox\tas\tX\r\n  # FROM no\r\n',
    ['docker.io/library/busybox'],
  ],
  [
    'each image once, in the order of the file',
    'FROM b\nFROM a\nFROM docker.io/library/b\nFROM b:1',
    ['docker.io/library/b', 'docker.io/library/a', 'docker.io/library/b:1'],
  ],
  [
    'no stage of the file itself, in whatever case',
    'FROM a AS Build\nFROM build AS two\nCOPY --from=BUILD /a /b\nCOPY --from=0 /a /b\nRUN --mount=type=bind,from=two,target=/x make',
    ['docker.io/library/a', 'docker.io/library/two'],
  ],
  [
    'an image that has the name of its own or a later stage',
    'FROM nginx AS nginx\nCOPY --from=later /a /b\nFROM nginx AS later',
    ['docker.io/library/nginx', 'docker.io/library/later'],
  ],
  [
    'images of COPY --from',
    'FROM scratch\nCOPY --chown=1:1 --from=quay.io/a/b:2 --link /a /b',
    ['quay.io/a/b:2'],
  ],
  [
    'images of RUN --mount',
    'FROM scratch\nRUN --network=none --mount=type=bind,target=/x,FROM=quay.io/a/b --mount=type=cache,target=/y make --mount=from=no',
    ['quay.io/a/b'],
  ],
  [
    'what ONBUILD takes from, since a later stage may set it off',
    'FROM scratch AS a\nONBUILD COPY --from=evil.example/x / /\nFROM a',
    ['evil.example/x'],
  ],
  [
    'the platform that only the builder knows',
    'FROM --platform=$BUILDPLATFORM golang AS b\nFROM --platform=${TARGETPLATFORM} alpine',
    ['docker.io/library/golang', 'docker.io/library/alpine'],
  ],
  [
    'lines that continue',
    'FROM \\\n  # a comment \\\n\n  quay.io/a/\\\nb \\  \n AS x\nRUN a \\\nFROM no \\\n && b\n',
    ['quay.io/a/b'],
  ],
  [
    'another escape character',
    '# escape=`\nFROM a `\n AS x\nRUN dir c:\\\nFROM b',
    ['docker.io/library/a', 'docker.io/library/b'],
  ],
] as const) {
  test(`the bases are ${title}`, t => {
    t.deepEqual(bases(text), [...expected])
  })
}

for (const [title, text, expected] of [
  [
    '$NAME and ${NAME}',
    'ARG HOST=quay.io\nARG TAG="1.2" REPO=a\nFROM ${HOST}/$REPO/b:$TAG',
    'quay.io/a/b:1.2',
  ],
  ['defaults in the reference', 'ARG A\nARG B=\nFROM ${A:-x}/${B:-y}/${C-z}:${A-1}', 'docker.io/x/y/z:1'],
  ['an alternative for what is set', 'ARG A=1\nFROM x${A:+/y}${B:+/z}', 'docker.io/x/y'],
  ['arguments that use earlier ones', 'ARG A=quay.io\nARG B=$A/x/y\nFROM $B', 'quay.io/x/y'],
  ['a value that replaces an earlier one', 'ARG A=one\nARG A=two\nFROM $A', 'docker.io/library/two'],
] as const) {
  test(`FROM understands ${title}`, t => {
    t.deepEqual(bases(text), [expected])
  })
}

test('an argument of an ARG behind the first FROM is none of FROM', t => {
  t.regex(
    refusal('FROM a\nARG B=x\nFROM $B').headline,
    /^Dockerfile:3: .*B is not defined by an ARG above the first FROM$/,
  )
})

for (const [title, text, headline, saw] of [
  ['nothing', '', 'Dockerfile:1: the file holds no instruction', undefined],
  ['comments alone', '# FROM a\n\n', 'Dockerfile:1: the file holds no instruction', undefined],
  ['no FROM', '\nARG A=1\n', 'Dockerfile:2: there is no FROM', undefined],
  [
    'an instruction before FROM',
    '# x\nRUN make\nFROM a',
    'Dockerfile:2: RUN stands before the first FROM',
    'RUN make',
  ],
  [
    'an instruction that does not exist',
    'FROM a\nRUNN make',
    'Dockerfile:2: the line begins with no instruction',
    'RUNN make',
  ],
  [
    'a directive in the other comment style',
    '// syntax=evil\nFROM a',
    'Dockerfile:1: the line begins with no instruction',
    '// syntax=evil',
  ],
  [
    'the JSON form of a directive',
    '{"syntax":"evil"}',
    'Dockerfile:1: the line begins with no instruction',
    '{"syntax":"evil"}',
  ],
  ['a FROM without image', 'FROM', 'Dockerfile:1: FROM cannot be read', 'FROM'],
  ['words behind the image', 'FROM a b c', 'Dockerfile:1: FROM cannot be read', 'FROM a b c'],
  ['a stage without name', 'FROM a AS', 'Dockerfile:1: FROM cannot be read', 'FROM a AS'],
  [
    'a stage with a bad name',
    'FROM a AS 0',
    'Dockerfile:1: the name of the stage cannot be read',
    'FROM a AS 0',
  ],
  [
    'an argument without a value',
    'ARG BASE\nFROM ${BASE}',
    'Dockerfile:2: which image FROM means is not known: BASE has no value',
    'FROM ${BASE}',
  ],
  [
    'an argument of the builder as image',
    'FROM a-$TARGETARCH',
    'Dockerfile:1: which image FROM means is not known: TARGETARCH is known only to the builder',
    'FROM a-$TARGETARCH',
  ],
  [
    'an expansion we do not know',
    'ARG A=x\nFROM ${A%x}',
    'Dockerfile:2: which image FROM means is not known: a variable is written in a way that is not supported',
    'FROM ${A%x}',
  ],
  [
    'an argument with an open quote',
    'ARG A="x\nFROM $A',
    'Dockerfile:1: the " at character 3 is never closed',
    'ARG A="x',
  ],
  [
    'a variable in --from',
    'FROM a\nCOPY --from=$X /a /b',
    'Dockerfile:2: builders expand no variable in from=',
    'COPY --from=$X /a /b',
  ],
  [
    'a variable in a mount',
    'FROM a\nRUN --mount=from=${X},target=/a b',
    'Dockerfile:2: builders expand no variable in from=',
    'RUN --mount=from=${X},target=/a b',
  ],
  [
    'a quote in a flag',
    'FROM a\nRUN --mount=type=bind,target="/x y" --mount=from=evil.example/x b',
    'Dockerfile:2: a flag cannot be read',
    'RUN --mount=type=bind,target="/x y" --mount=from=evil.example/x b',
  ],
  [
    'ONBUILD twice',
    'FROM a\nONBUILD ONBUILD RUN b',
    'Dockerfile:2: ONBUILD cannot stand behind ONBUILD',
    'ONBUILD ONBUILD RUN b',
  ],
  [
    'two escapes at the end of a line',
    'FROM a\nRUN echo \\\\ \nFROM evil.example/x',
    'Dockerfile:2: to some builders this line goes on below, to others the two \\ are text',
    'RUN echo \\\\',
  ],
  [
    'a form feed, which parts words',
    'FROM a\nCOPY --chown=1\f--from=evil.example/x / /',
    'Dockerfile:2: there is an invisible character in the line',
    'COPY --chown=1\\u{c}--from=evil.example/x / /',
  ],
  [
    'a lone carriage return',
    'FROM a\n# x\rFROM b',
    'Dockerfile:2: there is an invisible character in the line',
    '# x\\u{d}FROM b',
  ],
  [
    'an invisible line that would end a continuation',
    'FROM a\nRUN b \\\n\ufeff\nFROM evil.example/x',
    'Dockerfile:3: there is an invisible character in the line',
    '\\u{feff}',
  ],
  [
    'an escape directive that is none',
    '# escape=x\nFROM a',
    'Dockerfile:1: this cannot be the escape character',
    'x',
  ],
] as const) {
  test(`${title} is refused with its line`, t => {
    const problem = refusal(text)
    t.is(problem.headline, headline)
    t.is(problem.saw, saw)
    t.true(problem.hint.length > 10)
  })
}

test('an image name that cannot be read is refused with what is wrong with it', t => {
  t.regex(refusal('FROM a\nFROM "b"').headline, /^Dockerfile:2: ".*b.*" is not an image name: /)
  t.regex(refusal('FROM a\nCOPY --from=B/C / /').headline, /^Dockerfile:2: "B\/C" is not an image name: /)
})

for (const syntax of [
  'docker/dockerfile:1',
  'docker.io/docker/dockerfile:1.7-labs',
  'docker/dockerfile-upstream:master',
  `docker/dockerfile:1@${digest}`,
  'docker/dockerfile',
]) {
  test(`# syntax=${syntax.slice(0, 40)} is Docker's own and allowed`, t => {
    t.deepEqual(bases(`# syntax=${syntax}\n# check=skip=all\nFROM a`), ['docker.io/library/a'])
  })
}

for (const line of [
  '# syntax=evil.example/frontend',
  '#SYNTAX = docker/dockerfile:1 --x',
  '# syntax=evil.example/docker/dockerfile:1',
  '# syntax=docker/dockerfiles',
  '#syntax=',
]) {
  test(`${line} is refused as a program that the builder would run`, t => {
    const problem = refusal(`${line}\nFROM a`)
    t.regex(problem.headline, /^Dockerfile:1: # syntax= names a program that the builder would run/)
    t.regex(problem.hint, /docker\/dockerfile:1/)
  })
}

for (const head of [
  '#!/bin/x\n# syntax=evil',
  '# a=b\n# syntax=evil',
  ' # syntax=evil',
  '# escape=`\n# escape=`',
  '# a=b\n# escape=`',
]) {
  test(`${JSON.stringify(head)} is refused, since only some builders see a directive in it`, t => {
    t.regex(
      refusal(`${head}\nFROM a`).headline,
      /^Dockerfile:\d: some builders take this line for a directive/,
    )
  })
}

test('behind the first other line a directive is a comment to every builder', t => {
  t.deepEqual(bases('# hello\n# syntax=evil\n# escape=`\nFROM a \\\n AS b'), ['docker.io/library/a'])
  t.deepEqual(bases('\n# syntax=evil\nFROM a'), ['docker.io/library/a'])
})

test('the text of a here-document is no instruction, and its line is told', t => {
  const text = `FROM a
RUN <<EOF
FROM users
EOF
COPY <<"ONE" <<-'TWO' /etc/
FROM x
\tONE
FROM x2
ONE
FROM y
\t\tTWO
FROM b
`
  t.deepEqual(bases(text), ['docker.io/library/a', 'docker.io/library/b'])
  t.is(read(text).heredocLine, 2)
  t.is(read('FROM a\nRUN cat << x; cat <<<here').heredocLine, null)
})

for (const run of [
  `RUN echo 'x <<EOF '`,
  'RUN echo "x <<EOF "',
  'RUN echo \\ \\<<EOF',
  'LABEL <<EOF',
  'RUN ["a", "<<EOF"]',
]) {
  test(`${run} begins no here-document, so a FROM below it counts`, t => {
    t.deepEqual(bases(`FROM a\n${run}\nFROM evil.example/x`), ['docker.io/library/a', 'evil.example/x'])
  })
}

for (const run of [
  'RUN cat <<$X',
  'RUN cat <<E-F',
  "RUN echo it's <<EOF",
  'RUN echo ${x:- <<EOF }',
  'RUN cat <<EOF;',
]) {
  test(`${run} is refused: builders would not agree where it ends`, t => {
    t.regex(refusal(`FROM a\n${run}\nEOF\nFROM b`).headline, /^Dockerfile:2: builders do not agree/)
  })
}

test('a here-document without end is refused', t => {
  t.is(
    refusal('FROM a\nRUN <<EOF\n EOF\nFROM b').headline,
    'Dockerfile:2: the here-document EOF is never closed',
  )
})

test('NUL, other encodings and more than 1 MiB are refused', t => {
  t.is(refusal('FROM a\nRUN \0').headline, 'Dockerfile:2: there is a NUL byte in the line')
  t.is(refusal(Buffer.from('FROM a\n# \xff', 'latin1')).headline, 'Dockerfile:2: the line is not UTF-8')
  t.is(refusal('#'.repeat(1_048_577)).saw, '1048577 bytes, 1 more than the 1048576 that are read')
})

test('whatever the text, the answer is images or a Problem with a line', t => {
  const piece = fc.constantFrom(
    'FROM ',
    'ARG ',
    'A',
    '=',
    'RUN ',
    'COPY ',
    '--from=',
    '--mount=',
    'from=',
    ',',
    ' ',
    '\n',
    '\\',
    '`',
    '$',
    '${',
    '}',
    ':-',
    '<<',
    'EOF',
    '"',
    "'",
    '#',
    'syntax',
    'escape',
    'ONBUILD ',
    '/',
    '@',
    ':',
    ' AS ',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
      try {
        t.true(read(`FROM a\n${pieces.join('')}`).bases.length > 0)
      } catch (error) {
        t.true(error instanceof Problem, String(error))
        t.regex((error as Problem).headline, /^Dockerfile:[1-9]\d*: /)
      }
    }),
    { numRuns: 3000 },
  )
})

test('20000 lines are read, one more is refused', t => {
  t.is(bases(`FROM a\n${'RUN b\n'.repeat(19_998)}`).length, 1)
  t.is(
    refusal(`FROM a\n${'RUN b\n'.repeat(19_999)}\n`).headline,
    'Dockerfile:20001: the file has too many lines',
  )
})

test('a megabyte of anything is answered', t => {
  const heads = [
    'FROM a\n',
    'FROM a\nRUN ',
    'FROM a\nCOPY ',
    'ARG A=',
    'FROM ',
    '#',
    '# syntax=',
    'FROM a\nRUN <<E\n',
  ]
  for (const head of heads) {
    for (const piece of [
      ' ',
      '\n',
      '\\\n',
      ' \\\n',
      '--a ',
      '--mount=from=a ',
      '<<E ',
      '$A',
      '${A',
      "'",
      '"',
      'ONBUILD ',
      'RUN a\n',
      '#\n',
      'FROM b\n',
      '\t',
    ]) {
      const text = head + piece.repeat((1_000_000 - head.length) / piece.length)
      try {
        t.true(read(`${text}x`).bases.length >= 0)
      } catch (error) {
        t.true(error instanceof Problem, String(error))
      }
    }
  }
})

test('a Dockerfile on more images than anybody needs is refused at the first too many', t => {
  const from = (count: number) =>
    Array.from({ length: count }, (_, i) => `FROM base${i}\nFROM base0\n`).join('')
  t.is(bases(from(50)).length, 50)
  t.is(refusal(from(52)).headline, 'Dockerfile:101: the file is built on more than 50 different images')
})
