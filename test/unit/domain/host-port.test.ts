import test from 'ava'
import { isHostName, isIPv6, parseHostPort } from '../../../src/domain/host-port.ts'

test('names, IPv4 and bracketed IPv6 addresses with a port are understood', t => {
  t.deepEqual(parseHostPort('127.0.0.1:2222'), { host: '127.0.0.1', port: 2222 })
  t.deepEqual(parseHostPort('engine.example.com:0'), { host: 'engine.example.com', port: 0 })
  t.deepEqual(parseHostPort('[::1]:65535'), { host: '::1', port: 65535 })
})

test('what lacks a port, has one too large, or is no host is refused', t => {
  for (const bad of [
    '2222',
    'a',
    'a:',
    ':22',
    'a:65536',
    '::1:22',
    '[127.0.0.1]:22',
    '[::g]:1',
    '[]:1',
    '-a:1',
    'a b:1',
    'a..b:1',
    'a:1\n',
  ]) {
    t.is(parseHostPort(bad), null, bad)
  }
})

test('IPv6 addresses are told from anything else in brackets', t => {
  for (const good of ['::', '::1', 'fe80::1', '2001:db8::192.0.2.1']) t.true(isIPv6(good), good)
  for (const bad of ['', ':', '1', '1.2.3.4', '::1%eth0', '1:2:3', ':::', '::1]/@[::2'])
    t.false(isIPv6(bad), bad)
})

test('a host name is labels of letters, digits and hyphens', t => {
  t.true(isHostName('deploy.example.com'))
  for (const bad of ['', '-o', 'a_b', 'a/b', 'a.', 'é', `${'a'.repeat(64)}`, `${'a.'.repeat(130)}a`])
    t.false(isHostName(bad), bad)
})
