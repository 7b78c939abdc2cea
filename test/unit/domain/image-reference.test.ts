import test from 'ava'
import fc from 'fast-check'
import {
  formatImageReference,
  normaliseHost,
  parseImageReference,
  tagOrDigest,
  withTag,
} from '../../../src/domain/image-reference.ts'
import { caughtProblem } from '../../support/caught-problem.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

const names: [string, string, string, string | null, string | null][] = [
  ['busybox', 'docker.io', 'library/busybox', null, null],
  ['busybox:1.36', 'docker.io', 'library/busybox', '1.36', null],
  ['acme/shop', 'docker.io', 'acme/shop', null, null],
  ['docker.io/busybox', 'docker.io', 'library/busybox', null, null],
  ['index.docker.io/acme/shop:v1', 'docker.io', 'acme/shop', 'v1', null],
  ['registry-1.docker.io/busybox', 'docker.io', 'library/busybox', null, null],
  ['quay.io/busybox', 'quay.io', 'busybox', null, null],
  ['quay.io/acme/team/shop:V1_2-rc.3', 'quay.io', 'acme/team/shop', 'V1_2-rc.3', null],
  ['localhost/shop', 'localhost', 'shop', null, null],
  ['localhost:5000/acme/shop', 'localhost:5000', 'acme/shop', null, null],
  ['127.0.0.1:5000/shop:v1', '127.0.0.1:5000', 'shop', 'v1', null],
  ['registry:5000/shop', 'registry:5000', 'shop', null, null],
  // no slash: Docker takes what follows the colon for a tag
  ['localhost:5000', 'docker.io', 'library/localhost', '5000', null],
  ['quay.io/a__b/c-d.e---f', 'quay.io', 'a__b/c-d.e---f', null, null],
  [`quay.io/acme/shop@${DIGEST}`, 'quay.io', 'acme/shop', null, DIGEST],
  [`quay.io/acme/shop:v1@${DIGEST}`, 'quay.io', 'acme/shop', 'v1', DIGEST],
  [`q.io/${'a'.repeat(250)}`, 'q.io', 'a'.repeat(250), null, null],
]
for (const [text, host, repository, tag, digest] of names) {
  test(`${text.slice(0, 60)} is read as Docker reads it`, t => {
    t.deepEqual(parseImageReference(text), { host, repository, tag, digest })
  })
}

const NOT_MADE_OF = "is not made of a-z and 0-9 with single '.', '_', '__' or '-' between them"
const refused: [string, string][] = [
  ['', '"" is not an image name: it is empty'],
  [' busybox', 'it holds a space, or a character that is not plain ASCII'],
  ['busy box', 'it holds a space, or a character that is not plain ASCII'],
  ['busybox\n', 'it holds a space, or a character that is not plain ASCII'],
  ['busybox\0', 'it holds a space, or a character that is not plain ASCII'],
  ['büsybox', 'it holds a space, or a character that is not plain ASCII'],
  ['https://quay.io/acme/shop', 'it begins like a web address; leave the scheme out'],
  ['Busybox', 'upper-case letters are allowed in the tag only'],
  ['Quay.io/acme/shop', 'upper-case letters are allowed in the tag only'],
  ['quay.io/Acme/shop', 'upper-case letters are allowed in the tag only'],
  ['[::1]:5000/shop', 'a registry cannot be named by an IPv6 address; use its host name'],
  ['[::1]/shop:v1', 'a registry cannot be named by an IPv6 address; use its host name'],
  ['busybox:', "no tag follows the ':'"],
  ['busybox:-v1', 'the tag "-v1" is not 1 to 128 of'],
  ['busybox:a:b', 'the tag "a:b" is not 1 to 128 of'],
  [`busybox:${'a'.repeat(129)}`, 'is not 1 to 128 of'],
  ['busybox@', `"…@" is not an image name: what follows '@' is not a digest`],
  ['busybox@latest', "what follows '@' is not a digest"],
  [`busybox@${DIGEST.toUpperCase()}`, "what follows '@' is not a digest"],
  ['busybox@sha256:abc', "what follows '@' is not a digest"],
  [`busybox@${DIGEST}@${DIGEST}`, "what follows '@' is not a digest"],
  ['busybox@md5:0123456789abcdef0123456789abcdef', "what follows '@' is not a digest"],
  ['0'.repeat(64), 'it is the id of an image'],
  ['quay.io//shop', 'a part of the name is empty'],
  ['/shop', 'a part of the name is empty'],
  ['quay.io/shop/', 'a part of the name is empty'],
  ['quay.io/', 'a part of the name is empty'],
  ['../shop', '".." is not a registry host'],
  ['quay.io/../shop', `".." ${NOT_MADE_OF}`],
  ['quay.io/-shop', `"-shop" ${NOT_MADE_OF}`],
  ['--privileged', `"--privileged" ${NOT_MADE_OF}`],
  ['quay.io/sh___op', `"sh___op" ${NOT_MADE_OF}`],
  ['quay.io/shop;id', `"shop;id" ${NOT_MADE_OF}`],
  ['quay.io/$(id)', `"$(id)" ${NOT_MADE_OF}`],
  ['quay.io/shop?x=1', `"shop?x=1" ${NOT_MADE_OF}`],
  ['quay.io/shop%2f', `"shop%2f" ${NOT_MADE_OF}`],
  ['quay..io/shop', '"quay..io" is not a registry host'],
  ['-quay.io/shop', '"-quay.io" is not a registry host'],
  ['quay.io:/shop', '"quay.io:" is not a registry host'],
  ['quay.io:0/shop', '"quay.io:0" is not a registry host'],
  ['quay.io:65536/shop', '"quay.io:65536" is not a registry host'],
  ['127.1/shop', '"127.1" is not a registry host'],
  ['0x7f.1/shop', '"0x7f.1" is not a registry host'],
  ['127.0.0.256/shop', '"127.0.0.256" is not a registry host'],
  [`q.io/${'a'.repeat(251)}`, 'it is longer than 255 characters'],
]
for (const [text, fault] of refused) {
  test(`${JSON.stringify(text.slice(0, 60))} (${text.length}) is refused with what is wrong with it`, async t => {
    const problem = await caughtProblem(() => parseImageReference(text))
    t.is(problem.code, 'image-reference-invalid')
    t.true(problem.headline.includes(fault), problem.headline)
    t.is(
      problem.hint,
      'Write it as host/repository:tag, for example quay.io/acme/shop:v1; without a host it is at docker.io. Set it with `fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or in the FROM line of the Dockerfile).',
    )
  })
}

test('whoever reads another name than that of an app says where it is corrected', async t => {
  const { hint } = await caughtProblem(() => parseImageReference('A', 'Name it so behind --image.'))
  t.regex(hint, /it is at docker\.io\. Name it so behind --image\.$/)
})

test('the tag that is meant is added where neither tag nor digest was written', t => {
  const tagOf = (text: string) => withTag(parseImageReference(text)).tag
  t.deepEqual(['a/b', 'a/b:v1', `a/b@${DIGEST}`, `a/b:v1@${DIGEST}`].map(tagOf), ['latest', 'v1', null, 'v1'])
})

test('a password written into an image name is not repeated', async t => {
  for (const text of [
    'robot:hunter2@quay.io/acme/shop',
    'https://robot:hunter2@quay.io/acme/shop',
    'robot:hunter2 @quay.io/acme',
  ]) {
    const problem = await caughtProblem(() => parseImageReference(text))
    t.false(JSON.stringify(problem).includes('hunter2'), problem.headline)
    t.true(problem.headline.includes('@quay.io/acme'))
  }
})

const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}$/)
const reference = fc.record({
  host: fc.oneof(
    fc.constantFrom(
      'docker.io',
      'quay.io',
      'localhost',
      'localhost:5000',
      '127.0.0.1:65535',
      'a-b.c.example:1',
    ),
    fc.stringMatching(/^[a-z]([a-z0-9-]{0,6}[a-z0-9])?\.[a-z]{2,5}(:[1-9][0-9]{0,3})?$/),
  ),
  repository: fc.array(component, { minLength: 2, maxLength: 4 }).map(parts => parts.join('/')),
  tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/)),
  digest: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/).map(hex => `sha256:${hex}`)),
})

test('every reference reads back as itself from its full name', t => {
  fc.assert(
    fc.property(reference, it => {
      t.deepEqual(parseImageReference(formatImageReference(it)), it)
    }),
  )
})

test('any text is either refused or has one full name that stays the same', async t => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9./:@_-]{1,30}$/))
  await fc.assert(
    fc.asyncProperty(text, async it => {
      let parsed: ReturnType<typeof parseImageReference>
      try {
        parsed = parseImageReference(it)
      } catch (error) {
        return (await caughtProblem(() => Promise.reject(error))).code === 'image-reference-invalid'
      }
      const full = formatImageReference(parsed)
      return formatImageReference(parseImageReference(full)) === full
    }),
  )
  t.pass()
})

test('the registry is asked for the digest, else the tag, else latest', t => {
  t.is(tagOrDigest(parseImageReference(`shop:v1@${DIGEST}`)), DIGEST)
  t.is(tagOrDigest(parseImageReference('shop:v1')), 'v1')
  t.is(tagOrDigest(parseImageReference('shop')), 'latest')
})

const hosts: [string, string | null][] = [
  ['quay.io', 'quay.io'],
  ['Quay.IO', 'quay.io'],
  ['https://quay.io/v1/', 'quay.io'],
  ['http://localhost:5000/v2', 'localhost:5000'],
  ['https://index.docker.io/v1/', 'docker.io'],
  ['index.docker.io', 'docker.io'],
  ['registry-1.docker.io', 'docker.io'],
  ['docker.io', 'docker.io'],
  ['evil-docker.io', 'evil-docker.io'],
  ['docker.io.evil.example', 'docker.io.evil.example'],
  ['quay.io:443', 'quay.io:443'],
  ['', null],
  ['quay', null],
  [' quay.io', null],
  ['quay.io\n', null],
  ['ftp://quay.io', null],
  ['https://user:pass@quay.io', null],
  ['quay.io#docker.io', null],
  ['quay.io\\@docker.io', null],
  ['[::1]:5000', null],
  ['quay.io:99999', null],
  ['2130706433:80', null],
]
for (const [text, host] of hosts) {
  test(`the host ${JSON.stringify(text)} ${host === null ? 'is none' : `means ${host}`}`, t => {
    t.is(normaliseHost(text), host)
  })
}
