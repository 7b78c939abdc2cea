import test from 'ava'
import { privileges } from '../../../src/routing/launch.ts'

const passwd = 'root:x:0:0::/root:/bin/sh\nhaproxy:x:103:106::/nonexistent:/usr/sbin/nologin\n'
const group = 'root:x:0:\nhaproxy:x:106:\n'

test('workers that root starts become the user of the package', t => {
  t.deepEqual(privileges(0, [passwd, group]), ['user haproxy', 'group haproxy'])
})

test('where that user or its group is missing they become nobody', t => {
  const nobody = ['uid 65534', 'gid 65534']
  t.deepEqual(privileges(0, ['', '']), nobody)
  t.deepEqual(privileges(0, [passwd, 'root:x:0:\n']), nobody)
  t.deepEqual(privileges(0, ['root:x:0:0::/root:/bin/sh\n', group]), nobody)
  t.deepEqual(privileges(0, ['haproxy-admin:x:7:7::/:/bin/sh\n#haproxy:\n', 'xhaproxy:x:7:\n']), nobody)
})

test('a gateway that is not root has nothing to give up', t => {
  t.deepEqual(privileges(1000, [passwd, group]), [])
  t.deepEqual(privileges(undefined, [passwd, group]), [])
})
