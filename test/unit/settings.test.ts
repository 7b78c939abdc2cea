import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Hostname } from '../../src/domain/endpoint.ts'
import { Problem } from '../../src/domain/problem.ts'
import { readSettings } from '../../src/settings.ts'
import { makeCertificate } from '../support/certificate.ts'

const CERTIFICATE = makeCertificate('DNS:localhost').cert
const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBCjCBsgIBATAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdleHBpcmVkMB4XDTIw
MDEwMTAwMDAwMFoXDTIwMDEwMjAwMDAwMFowEjEQMA4GA1UEAwwHZXhwaXJlZDBZ
MBMGByqGSM49AgEGCCqGSM49AwEHA0IABMF8hdoPRjpLz5milqvzlERXWEQQX5Mn
KTGxq2lOCBCsn0vFdTwTaH5ZHjEWydPHlAkF5Nm3APoM00hI8fPTGQUwCgYIKoZI
zj0EAwIDRwAwRAIgJrUQNnFfFXpQI5jvQRY/B4nA6Vui0QxWU8SHWq16HnsCICbS
5bR57MqsgWD1B29JeU+cWaxSAjN4YGjozeVmT1Ax
-----END CERTIFICATE-----
`

function place(t: ExecutionContext, files: Record<string, string> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-settings-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  return path
}

test('nothing set gives the defaults', t => {
  const cwd = place(t, { 'home/.ssh/id_b.pub': '', 'home/.ssh/id_a.pub': '', 'home/.ssh/id_a': '' })
  // Where it is depends on the machine: see below.
  const { haproxy: _, ...settings } = readSettings({ HOME: join(cwd, 'home'), PATH: '/bin' }, cwd)
  t.deepEqual(settings, {
    data: join(cwd, 'data'),
    ssh: { host: '127.0.0.1', port: 2222 },
    metrics: null,
    stacks: resolve(import.meta.dirname, '../../stacks'),
    operatorKeys: [join(cwd, 'home/.ssh/id_a.pub'), join(cwd, 'home/.ssh/id_b.pub')],
    maxPush: 2 * 1024 ** 3,
    host: 'localhost',
    logLevel: 'info',
    keepReleases: 5,
    registryFiles: null,
    registryCa: null,
    domain: 'localhost' as Hostname,
    http: { host: '127.0.0.1', port: 8080 },
    https: null,
    routerSocket: null,
    acme: 'https://acme-v02.api.letsencrypt.org/directory',
    acmeEmail: null,
    acmeCa: null,
  })
})

test('a home without keys gives no operator keys', t => {
  const cwd = place(t)
  t.deepEqual(readSettings({ HOME: cwd }, cwd).operatorKeys, [])
})

test('everything can be set, paths relative to the working directory', t => {
  const cwd = place(t, {
    'my-stacks/a.yml': '',
    keys: '',
    'credentials/config.json': '',
    'ca.pem': CERTIFICATE,
    'bin/haproxy': '',
  })
  chmodSync(join(cwd, 'bin/haproxy'), 0o755)
  t.deepEqual(
    readSettings(
      {
        FAIRLEAD_DATA: '/srv/data',
        FAIRLEAD_SSH: '0.0.0.0:22',
        FAIRLEAD_METRICS: '[::1]:9464',
        FAIRLEAD_STACKS: 'my-stacks',
        FAIRLEAD_OPERATOR_KEYS: './keys',
        FAIRLEAD_MAX_PUSH: '500MiB',
        FAIRLEAD_HOST: 'deploy.example.com',
        FAIRLEAD_LOG_LEVEL: 'debug',
        FAIRLEAD_KEEP_RELEASES: '1',
        FAIRLEAD_REGISTRY_FILES: 'credentials',
        FAIRLEAD_REGISTRY_CA: 'ca.pem',
        FAIRLEAD_DOMAIN: 'apps.example.com',
        FAIRLEAD_HTTP: '0.0.0.0:80',
        FAIRLEAD_HTTPS: '[::]:443',
        FAIRLEAD_HAPROXY: 'bin/haproxy',
        FAIRLEAD_ROUTER_SOCKET: 'haproxy.sock',
        FAIRLEAD_ACME: 'https://acme.example.com:14000/dir',
        FAIRLEAD_ACME_EMAIL: 'ops+fairlead@example.com',
        FAIRLEAD_ACME_CA: 'ca.pem',
        FAIRLEAD_SETUP: 'no',
        FAIRLEAD_REMOTE: 'origin',
      },
      cwd,
    ),
    {
      data: '/srv/data',
      ssh: { host: '0.0.0.0', port: 22 },
      metrics: { host: '::1', port: 9464 },
      stacks: join(cwd, 'my-stacks'),
      operatorKeys: [join(cwd, 'keys')],
      maxPush: 500 * 1024 ** 2,
      host: 'deploy.example.com',
      logLevel: 'debug',
      keepReleases: 1,
      registryFiles: join(cwd, 'credentials'),
      registryCa: CERTIFICATE,
      domain: 'apps.example.com' as Hostname,
      http: { host: '0.0.0.0', port: 80 },
      https: { host: '::', port: 443 },
      haproxy: join(cwd, 'bin/haproxy'),
      routerSocket: join(cwd, 'haproxy.sock'),
      acme: 'https://acme.example.com:14000/dir',
      acmeEmail: 'ops+fairlead@example.com',
      acmeCa: CERTIFICATE,
    },
  )
})

test('.env fills in what the environment leaves out, and other programs may keep their lines in it', t => {
  const cwd = place(t, {
    '.env': 'FAIRLEAD_HOST=from.file\nexport FAIRLEAD_SSH="127.0.0.1:0" # any\nOTHER=1\n',
  })
  const settings = readSettings({ HOME: cwd, FAIRLEAD_HOST: 'from.environment' }, cwd)
  t.is(settings.host, 'from.environment')
  t.deepEqual(settings.ssh, { host: '127.0.0.1', port: 0 })
})

test('health and metrics are served on loopback and nowhere else', t => {
  const cwd = place(t)
  for (const text of ['0.0.0.0:9464', '10.0.0.1:9464', '[::]:9464', 'example.com:9464', '9464', '127.0.0.1'])
    t.throws(() => readSettings({ HOME: cwd, FAIRLEAD_METRICS: text }, cwd), { instanceOf: Problem }, text)
  const { metrics } = readSettings({ HOME: cwd, FAIRLEAD_METRICS: 'localhost:0' }, cwd)
  t.deepEqual(metrics, { host: 'localhost', port: 0 })
})

test('a variable set to nothing counts as not set', t => {
  const cwd = place(t)
  t.is(readSettings({ HOME: cwd, FAIRLEAD_HOST: '', FAIRLEAD_DATA: undefined }, cwd).host, 'localhost')
})

for (const [text, host, port] of [
  ['[::1]:22', '::1', 22],
  ['[::]:0', '::', 0],
  ['localhost:65535', 'localhost', 65535],
] as const) {
  test(`the SSH address ${text} is understood`, t => {
    const cwd = place(t)
    t.deepEqual(readSettings({ HOME: cwd, FAIRLEAD_SSH: text }, cwd).ssh, { host, port })
  })
}

test('HAProxy is found where the PATH leads, and a file that cannot be run is passed over', t => {
  const cwd = place(t, { 'one/haproxy': '', 'two/haproxy': '', 'three/haproxy': '' })
  for (const name of ['two', 'three']) chmodSync(join(cwd, name, 'haproxy'), 0o755)
  const path = ['one', 'two', 'three'].map(name => join(cwd, name)).join(':')
  t.is(readSettings({ HOME: cwd, PATH: `bin::${path}` }, cwd).haproxy, join(cwd, 'two/haproxy'))
  const problem = t.throws(() => readSettings({ HOME: cwd, FAIRLEAD_HAPROXY: 'one/haproxy' }, cwd), {
    instanceOf: Problem,
  })
  t.regex(problem.saw ?? '', /is no program that can be run/)
})

for (const [name, value, message] of [
  ['FAIRLEAD_DOMAIN', 'Apps.example.com', /is no domain in lower case/],
  ['FAIRLEAD_DOMAIN', '192.0.2.1', /is no domain in lower case/],
  ['FAIRLEAD_HTTP', '8080', /is no address and port, for example 0\.0\.0\.0:80/],
  ['FAIRLEAD_HTTP', '127.0.0.1:0', /is no address and port/],
  ['FAIRLEAD_HTTPS', '127.0.0.1:0', /is no address and port, for example 0\.0\.0\.0:443/],
  ['FAIRLEAD_HAPROXY', '/nowhere/haproxy', /is no file that can be read/],
  ['FAIRLEAD_SSH', '2222', /is no address and port, for example 127\.0\.0\.1:2222/],
  ['FAIRLEAD_SSH', '::1:22', /is no address and port/],
  ['FAIRLEAD_SSH', '[127.0.0.1]:22', /is no address and port/],
  ['FAIRLEAD_SSH', 'localhost:65536', /is no address and port/],
  ['FAIRLEAD_SSH', '-oProxy:22', /is no address and port/],
  ['FAIRLEAD_MAX_PUSH', '2GB', /is no size, for example 500MiB or 2GiB/],
  ['FAIRLEAD_MAX_PUSH', '0B', /is no size/],
  ['FAIRLEAD_KEEP_RELEASES', '0', /is no number of releases from 1 to 1000/],
  ['FAIRLEAD_KEEP_RELEASES', '1001', /is no number of releases from 1 to 1000/],
  ['FAIRLEAD_KEEP_RELEASES', '2.5', /is no number of releases/],
  ['FAIRLEAD_KEEP_RELEASES', '-1', /is no number of releases/],
  ['FAIRLEAD_HOST', 'a b', /is no host name \(without a port\)/],
  ['FAIRLEAD_HOST', 'a.example.com:22', /is no host name \(without a port\)/],
  ['FAIRLEAD_LOG_LEVEL', 'loud', /is none of trace, debug, info/],
  ['FAIRLEAD_STACKS', './nowhere', /is no directory that can be read \(ENOENT\)/],
  ['FAIRLEAD_OPERATOR_KEYS', './nowhere', /is no file that can be read \(ENOENT\)/],
  ['FAIRLEAD_OPERATOR_KEYS', '.', /is no file/],
  ['FAIRLEAD_REGISTRY_FILES', './nowhere', /is no directory that can be read \(ENOENT\)/],
  ['FAIRLEAD_REGISTRY_FILES', '/etc/passwd', /is no directory$/],
  ['FAIRLEAD_REGISTRY_FILES', './nowhere/{environment}', /is no directory that can be read \(ENOENT\)/],
  ['FAIRLEAD_REGISTRY_FILES', '/etc/passwd/{environment}', /is no directory$/],
  ['FAIRLEAD_REGISTRY_FILES', '/etc/of-{environment}', /has more than \{environment\} between two slashes/],
  ['FAIRLEAD_REGISTRY_CA', './nowhere', /is no file that can be read \(ENOENT\)/],
  ['FAIRLEAD_REGISTRY_CA', '.', /is no file$/],
  [
    'FAIRLEAD_REGISTRY_CA',
    '/etc/passwd',
    /holds no certificate in PEM form \(-----BEGIN CERTIFICATE-----\)$/,
  ],
] as const) {
  test(`${name}=${value} is refused with what is wrong`, t => {
    const cwd = place(t)
    const problem = t.throws(() => readSettings({ HOME: cwd, [name]: value }, cwd), { instanceOf: Problem })
    t.is(problem.code, 'settings-invalid')
    t.is(problem.headline, 'A setting cannot be used')
    t.true(problem.saw?.startsWith(`${name}: ${JSON.stringify(value)} `), problem.saw)
    t.regex(problem.saw ?? '', message)
  })
}

test('files of credentials may be parted by environment, whose directories may come later', t => {
  const cwd = place(t, {})
  for (const template of ['{environment}', 'a/../{environment}/more', '/{environment}']) {
    const { registryFiles } = readSettings({ HOME: cwd, FAIRLEAD_REGISTRY_FILES: template }, cwd)
    t.is(registryFiles, resolve(cwd, template))
  }
})

test('a broken certificate among others is refused by its number', t => {
  const cut = CERTIFICATE.slice(0, 200)
  for (const [broken, number] of [
    [`${CERTIFICATE}${cut}`, '2 of 2'],
    [`${cut}\n${CERTIFICATE}`, '1 of 2'],
    [CERTIFICATE.replace(/\n.{8}/, '\nAAAAAAAA'), '1 of 1'],
  ] as const) {
    const cwd = place(t, { 'ca.pem': broken })
    const problem = t.throws(() => readSettings({ HOME: cwd, FAIRLEAD_REGISTRY_CA: 'ca.pem' }, cwd), {
      instanceOf: Problem,
    })
    t.is(
      problem?.saw,
      `FAIRLEAD_REGISTRY_CA: "ca.pem" holds a certificate that cannot be read: number ${number}`,
    )
  }
})

test('of a file of certificates nothing else is kept: no key, no words', t => {
  const { cert, key } = makeCertificate('DNS:other.example')
  const cwd = place(t, {
    'ca.pem': `# ours, ü\r\n${CERTIFICATE.replaceAll('\n', '\r\n')}${key}subject=x\n${cert}`,
  })
  const { registryCa } = readSettings({ HOME: cwd, FAIRLEAD_REGISTRY_CA: 'ca.pem' }, cwd)
  t.is(registryCa?.replaceAll('\r\n', '\n'), CERTIFICATE + cert)
})

test('certificates are ordered over HTTPS, with one address that is safe in a mailto:', t => {
  const cwd = place(t)
  const saw = (name: string, value: string) =>
    t.throws(() => readSettings({ HOME: cwd, [name]: value }, cwd), { instanceOf: Problem }).saw
  for (const text of [
    'http://acme.example.com/dir',
    'acme.example.com',
    'https://user:pass@acme.example.com/dir',
  ])
    t.is(
      saw('FAIRLEAD_ACME', text),
      `FAIRLEAD_ACME: "${text}" is no https:// address of a directory, for example https://acme-v02.api.letsencrypt.org/directory`,
    )
  for (const text of ['ops', 'a@b', 'a@example.com,b@example.com', 'a@example.com?cc=b', 'a b@example.com'])
    t.is(
      saw('FAIRLEAD_ACME_EMAIL', text),
      `FAIRLEAD_ACME_EMAIL: "${text}" is no email address, for example ops@example.com`,
    )
})

test('an expired certificate of an authority may be named', t => {
  const cwd = place(t, { 'ca.pem': EXPIRED })
  t.is(readSettings({ HOME: cwd, FAIRLEAD_REGISTRY_CA: 'ca.pem' }, cwd).registryCa, EXPIRED)
})

test('all that is wrong is reported at once, unknown names with the nearest known', t => {
  const cwd = place(t, { '.env': 'FAIRLEAD_STAKCS=x\n' })
  const environment = {
    HOME: cwd,
    FAIRLEAD_SSH: 'x',
    FAIRLEAD_MAX_PUSH: 'y',
    FAIRLEAD_DAAT: '1',
    FAIRLEAD_ZZZZZZZZZZ: '1',
  }
  const problem = t.throws(() => readSettings(environment, cwd), { instanceOf: Problem })
  t.is(problem.headline, '5 settings cannot be used')
  t.deepEqual(
    problem.saw?.split('\n').map(line => line.replace(/ is no (address|size).*/, '')),
    [
      'FAIRLEAD_SSH: "x"',
      'FAIRLEAD_MAX_PUSH: "y"',
      'FAIRLEAD_STAKCS is no setting; did you mean FAIRLEAD_STACKS?',
      'FAIRLEAD_DAAT is no setting; did you mean FAIRLEAD_DATA?',
      'FAIRLEAD_ZZZZZZZZZZ is no setting',
    ],
  )
})

test('a .env that cannot be read is a Problem, a missing one is none', t => {
  const cwd = place(t, { '.env/file': '' })
  const problem = t.throws(() => readSettings({ HOME: cwd }, cwd), { instanceOf: Problem })
  t.is(problem.code, 'settings-invalid')
  t.regex(problem.headline, /\.env cannot be read$/)
})
