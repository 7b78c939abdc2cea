import test from 'ava'
import { type AppName, parseHandle } from '../../../src/domain/app.ts'
import {
  defaultHostname,
  type Hostname,
  isAnothers,
  isRequestPath,
  parseHostname,
} from '../../../src/domain/endpoint.ts'

const shop: AppName = { environment: parseHandle('prod', 'environment'), app: parseHandle('shop', 'app') }
const domain = 'apps.test' as Hostname

test('hostnames are DNS names in lower case, and no addresses', t => {
  for (const good of [
    'localhost',
    'shop.example.com',
    'xn--bcher-kva.example',
    '1.example',
    `${'a'.repeat(63)}.b`,
  ])
    t.is(parseHostname(good), good as Hostname)
  for (const bad of [
    ...[
      '',
      '.',
      'a.',
      '.a',
      'a..b',
      '-a.b',
      'a-.b',
      'A.b',
      'a_b.c',
      'a b',
      'a:80',
      'a/b',
      '*.a',
      'bücher.example',
    ],
    ...['192.0.2.1', '1', '[::1]', 'a\n', 'a\0b', `${'a'.repeat(64)}.b`, `${'a.'.repeat(127)}ab`],
  ])
    t.is(parseHostname(bad), null, bad)
})

test('an app that asks for no hostname gets its own below the domain, unless that is too long', t => {
  t.is(defaultHostname(shop, domain), 'shop.prod.apps.test' as Hostname)
  const long = ['a', 'b', 'c', 'd'].map(letter => letter.repeat(62)).join('.') as Hostname
  t.is(defaultHostname(shop, long), null)
})

test("below the domain an app has its own name and those below it, and nobody another app's", t => {
  for (const [hostname, anothers] of [
    ['shop.prod.apps.test', false],
    ['www.shop.prod.apps.test', false],
    ['blog.prod.apps.test', true],
    ['shop.staging.apps.test', true],
    ['www.blog.prod.apps.test', true],
    ['prod.shop.apps.test', true],
    ['apps.test', false],
    ['prod.apps.test', false],
    ['blog.prod.myapps.test', false],
    ['blog.prod.example.com', false],
  ] as const)
    t.is(isAnothers(hostname as Hostname, shop, domain), anothers, hostname)
})

test('a path is written as in a request', t => {
  for (const good of ['/', '/health', '/a/b?x=1&y=%20', '/~me;v=1']) t.true(isRequestPath(good), good)
  for (const bad of ['', 'health', '/a b', '/a\r\nHost: x', '/ä', '/a#b', '/"', `/${'a'.repeat(200)}`])
    t.false(isRequestPath(bad), bad)
})
