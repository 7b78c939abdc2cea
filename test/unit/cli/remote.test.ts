import test from 'ava'
import { formatRemote, isAddress, parseRemote } from '../../../src/cli/remote.ts'
import { formatAppName } from '../../../src/domain/app.ts'
import { Problem } from '../../../src/domain/problem.ts'

const cases: [string, string, number | null, string | null][] = [
  ['ssh://git@localhost:2222/my-env/my-app.git', 'git@localhost', 2222, 'my-env/my-app'],
  ['ssh://git@gate.example.com/my-env/my-app', 'git@gate.example.com', null, 'my-env/my-app'],
  ['git@gate.example.com:my-env/my-app.git', 'git@gate.example.com', null, 'my-env/my-app'],
  ['gate:my-env/my-app.git', 'gate', null, 'my-env/my-app'],
  ['ssh://git@localhost:2222', 'git@localhost', 2222, null],
  ['ssh://localhost:2222/', 'localhost', 2222, null],
  ['ssh://git@[::1]:2222/e/a.git', 'git@::1', 2222, 'e/a'],
]
for (const [address, destination, port, app] of cases) {
  test(`read: ${address}`, t => {
    const remote = parseRemote(address, 'It')
    t.is(remote.destination, destination)
    t.is(remote.port, port)
    t.is(remote.app && formatAppName(remote.app), app)
  })
}

const refused = [
  'ssh://-oProxyCommand=id/e/a.git',
  'ssh://-oProxyCommand=id@host/e/a.git',
  '-oProxyCommand=id:e/a.git',
  'ssh://-host/e/a.git',
  'ssh://-x@host/e/a.git',
  '-host:e/a.git',
  'ssh://git@ho st/e/a.git',
  'ssh://git@host:0/e/a.git',
  'ssh://git@host:65536/e/a.git',
  'ssh://git@host:22x/e/a.git',
  'https://git@host/e/a.git',
  'file:///e/a.git',
  '/e/a.git',
  'ssh://git@host\n/e/a.git',
  'ssh://',
]
for (const address of refused) {
  test(`refused as an address: ${JSON.stringify(address)}`, t => {
    const problem = t.throws(() => parseRemote(address, 'The git remote aptible'), { instanceOf: Problem })
    t.is(problem?.code, 'usage')
    t.is(problem?.headline, 'The git remote aptible is not the address of a gateway')
  })
}

for (const path of ['my-app.git', 'e/../a.git', 'E/a.git', "e/a'.git", '--app/a.git', 'e/a/b.git']) {
  test(`refused as the name of an app: ${path}`, t => {
    const problem = t.throws(() => parseRemote(`ssh://git@host:22/${path}`, 'It'), { instanceOf: Problem })
    t.is(problem?.code, 'name-invalid')
  })
}

test('a password in a wrong address is not shown', t => {
  const problem = t.throws(() => parseRemote('https://ann:s3cret@host/e/a.git', 'It'), {
    instanceOf: Problem,
  })
  t.false(JSON.stringify([problem?.headline, problem?.saw, problem?.hint]).includes('s3cret'))
})

test('a name of a remote and an address are told apart', t => {
  t.false(isAddress('aptible'))
  t.true(isAddress('ssh://git@localhost:2222'))
  t.true(isAddress('git@host:e/a.git'))
})

test('an address is shown with its port', t => {
  t.is(formatRemote(parseRemote('ssh://git@localhost:2222', 'It')), 'git@localhost, port 2222')
  t.is(formatRemote(parseRemote('git@host:e/a', 'It')), 'git@host')
})
