// In what order HAProxy is told: between two commands it serves, so that each step on the way has to be right too.
import test from 'ava'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import type { Route } from '../../../src/domain/router.ts'
import { planCommands } from '../../../src/routing/commands.ts'
import { routerFiles } from '../../../src/routing/files.ts'
import type { Seen } from '../../../src/routing/seen.ts'

const files = routerFiles('/data/router')
const route = (hostname: string, address: string, secure = false): Route => ({
  hostname: hostname as Hostname,
  slot: 0,
  servers: [{ address, port: 80 }],
  secure,
})
/** a.example with one container in the only backend. */
const before: Seen = {
  hosts: new Map([['a.example', 'fairlead_0']]),
  secure: new Map(),
  slots: new Map([
    [
      0,
      [
        { name: 's1', server: { address: '10.0.0.1', port: 80 }, state: 'ready', sessions: 0 },
        { name: 's2', server: { address: '127.0.0.1', port: 1 }, state: 'maint', sessions: 0 },
      ],
    ],
  ]),
}
const told = (seen: Seen, ...wanted: readonly Route[]) =>
  planCommands(files, seen, wanted)?.map(words => words.join(' '))

test('a hostname never leads to containers of another: one goes before these come, the next comes after them', t => {
  t.deepEqual(told(before, route('b.example', '10.0.0.2')), [
    'del map /data/router/hosts.map a.example',
    'set server fairlead_0/s2 addr 10.0.0.2 port 80',
    'set server fairlead_0/s2 state ready',
    'set server fairlead_0/s1 state drain',
    'add map /data/router/hosts.map b.example fairlead_0',
  ])
})

test('a hostname that is to be secure is never answered over HTTP at first', t => {
  const none = { ...before, hosts: new Map() }
  t.deepEqual(told(none, route('a.example', '10.0.0.1', true)), [
    'add map /data/router/secure.map a.example 1',
    'add map /data/router/hosts.map a.example fairlead_0',
  ])
})

test('where nothing is to change nothing is told', t => {
  t.deepEqual(told(before, route('a.example', '10.0.0.1')), [])
})
