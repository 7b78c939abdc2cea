import test from 'ava'
import { parseRegistryKey } from '../../../src/domain/registry-key.ts'

for (const [text, host, path] of [
  ['quay.io', 'quay.io', ''],
  ['https://index.docker.io/v1/', 'docker.io', ''],
  ['registry-1.docker.io', 'docker.io', ''],
  ['https://Quay.io/v1/', 'quay.io', ''],
  ['http://quay.io/v2', 'quay.io', ''],
  ['quay.io/', 'quay.io', ''],
  ['localhost:5000', 'localhost:5000', ''],
  ['ghcr.io/org', 'ghcr.io', 'org'],
  ['https://ghcr.io/org/sub-team/', 'ghcr.io', 'org/sub-team'],
  ['ghcr.io/v1/org', 'ghcr.io', 'v1/org'],
  ['docker.io/acme', 'docker.io', 'acme'],
] as const) {
  test(`${text} is the host ${host}${path === '' ? '' : `, below ${path}`}`, t => {
    t.deepEqual(parseRegistryKey(text), { host, path })
  })
}

const HOSTILE = [
  '',
  'quay',
  '__proto__',
  'https://u:p@quay.io',
  'quay.io/Org',
  'quay.io/a//b',
  'quay.io/../x',
]
for (const text of [
  ...HOSTILE,
  'quay.io/a b',
  'quay.io/a?x=1',
  'quay.io/a:v1',
  `quay.io/${'a'.repeat(300)}`,
]) {
  test(`no registry is named by ${JSON.stringify(text.slice(0, 30))}`, t => {
    t.is(parseRegistryKey(text), null)
  })
}
