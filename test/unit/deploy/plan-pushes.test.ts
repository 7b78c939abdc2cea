import test from 'ava'
import { type PushOccasion, planPushes } from '../../../src/deploy/plan-pushes.ts'
import { readPushEntries } from '../../../src/deploy/push-entries.ts'
import { parseAppPath } from '../../../src/domain/app.ts'
import { formatImageReference } from '../../../src/domain/image-reference.ts'
import { TEMPLATE_NAMES } from '../../../src/domain/tag-template.ts'
import { caughtProblem } from '../../support/caught-problem.ts'

const entries = (yml: string) => readPushEntries(Buffer.from(yml), null).entries
const ID = 'c0ffee'.padEnd(40, '0')
const PERSON = { name: 'Ann Example', email: 'ann+x@example.com', time: new Date(0), zone: '+0000' }

interface Occasion extends PushOccasion {
  readonly asked: () => number
}

function occasion(revision = 'master', message = 'Fix it\n\nFor real\n'): Occasion {
  let asked = 0
  return {
    app: { id: 7, name: parseAppPath('my-env/my-app') },
    operation: {
      number: 42,
      actor: 'ann',
      startedAt: '2026-11-21T06:07:08.900Z',
      createdAt: '2026-11-21T06:00:00.000Z',
    },
    revision,
    stack: { name: 'local', version: 2 },
    commit: {
      id: ID,
      async details() {
        asked += 1
        return { author: PERSON, committer: { ...PERSON, name: 'Bob B.' }, subject: '', message }
      },
    },
    asked: () => asked,
  }
}

const targets = async (yml: string, on = occasion()) =>
  (await planPushes(entries(yml), on)).map(({ reference }) =>
    reference === null ? null : formatImageReference(reference),
  )

test('every name has the value that the README gives it', async t => {
  const expected: Record<string, string> = {
    ProjectID: '7',
    BuildID: '42',
    RepoName: 'my-envmy-app',
    Branch: 'release1.0',
    CommitID: ID,
    CommitMessage: 'FixitForreal',
    CommitDescription: 'Forreal',
    CommitterName: 'BobB.',
    CommitterEmail: 'annxexample.com',
    CommitterUsername: 'ann',
    Time: '2026-11-210607080000UTC',
    Timestamp: '1795241228',
    StringTime: '2026-11-21T060708Z',
    StepName: 'push',
    ServiceName: 'my-app',
    ImageName: 'quay.ioacmeshop',
    Ci: 'true',
    CiName: 'fairlead',
  }
  for (const name of TEMPLATE_NAMES) {
    const yml = `push:\n  image_name: quay.io/acme/shop\n  image_tag: "{{ .${name} }}"\n`
    t.deepEqual(await targets(yml, occasion('release/1.0')), [`quay.io/acme/shop:${expected[name]}`], name)
  }
})

test('name and service of an entry are its own', async t => {
  const yml =
    'push:\n  image_name: a/b\n  image_tag: "{{ .StepName }}-{{ .ServiceName }}"\n  name: to quay\n  service: web\n'
  t.deepEqual(await targets(yml), ['docker.io/a/b:toquay-web'])
})

test('an operation that has not begun has the time it was asked for', async t => {
  const on = occasion()
  const early = { ...on, operation: { ...on.operation, startedAt: null } }
  t.deepEqual(
    await targets('push: { image_name: a/b, image_tag: "{{ .StringTime }}" }', { ...early, asked: on.asked }),
    ['docker.io/a/b:2026-11-21T060000Z'],
  )
})

const TWO = `push:
  - image_name: quay.io/acme/shop
    image_tag: "{{ .Branch }}"
    tag: ^release/
  - image_name: quay.io/acme/shop
    image_tag: "{{ .Branch }}"
    tag: ^master$
`

test('an entry for other branches has no target, and may share one that is not its turn', async t => {
  t.deepEqual(await targets(TWO), [null, 'quay.io/acme/shop:master'])
  t.deepEqual(await targets(TWO, occasion('release/1')), ['quay.io/acme/shop:release1', null])
})

test('a commit is asked for its details once, and only when something is pushed', async t => {
  const other = occasion('topic')
  t.deepEqual(await targets(TWO, other), [null, null])
  t.is(other.asked(), 0)
  const three = occasion()
  await targets('push: [{ image_name: a/b }, { image_name: a/c }]', three)
  t.is(three.asked(), 1)
})

test('two entries that go to one place are refused', async t => {
  const yml =
    'push:\n  - image_name: busybox\n  - image_name: docker.io/library/busybox\n    image_tag: la/test\n'
  t.deepEqual(await caughtProblem(targets(yml)), {
    code: 'fairlead-yml-invalid',
    headline: '.fairlead.yml:2 and .fairlead.yml:3 both push to docker.io/library/busybox:latest',
    saw: undefined,
    hint: 'Delete one of the entries, or give them different tags (image_tag) or branches (tag). Commit and push again.',
  })
})

test('a tag that comes out empty is refused', async t => {
  const yml = 'push:\n  - name: x\n    image_name: a/b\n    image_tag: "{{ .CommitDescription }}"\n'
  t.deepEqual(await caughtProblem(targets(yml, occasion('master', 'Fix it'))), {
    code: 'fairlead-yml-invalid',
    headline: '.fairlead.yml:2: the image_tag of a/b comes out empty for this commit',
    saw: "nothing that a tag may hold is left of \"{{ .CommitDescription }}\": A-Z, a-z, 0-9, '_', '.' and '-' are kept, the first no '.' or '-'.",
    hint: 'Put something into image_tag that is never empty, for example {{ .CommitID }}. Commit and push again.',
  })
})

test('a stack of version 1 pushes nothing, which is said before anything is built', async t => {
  const on = { ...occasion(), stack: { name: 'old', version: 1 as const } }
  const entry = 'push: { image_name: quay.io/acme/shop, tag: ^master$ }'
  const problem = await caughtProblem(targets(entry, on))
  t.deepEqual(problem, {
    code: 'stack-private-refused',
    headline: 'The commit asks for its image to be pushed, and the stack old may not use private registries',
    saw: 'The stack old is of version 1, on which no credential is ever used.',
    hint: 'Take the push entries out of .fairlead.yml, or ask an operator for an environment on a stack of version 2.',
  })
  t.deepEqual(await targets(entry, { ...on, revision: 'next' }), [null])
})
