import test from 'ava'
import { followable, isLoopback, registryOrigins } from '../../../src/registry/address.ts'

const origins = (host: string) => registryOrigins(host).map(url => url.origin)

test('Docker Hub is asked at the host that holds its registry', t => {
  t.deepEqual(origins('docker.io'), ['https://registry-1.docker.io'])
})

test('a registry is asked over TLS only, unless it is on loopback', t => {
  t.deepEqual(origins('quay.io'), ['https://quay.io'])
  t.deepEqual(origins('10.0.0.1:5000'), ['https://10.0.0.1:5000'])
  t.deepEqual(origins('localhost:5000'), ['https://localhost:5000', 'http://localhost:5000'])
  t.deepEqual(origins('127.8.0.1:5000'), ['https://127.8.0.1:5000', 'http://127.8.0.1:5000'])
})

test('only the loopback addresses themselves count as loopback', t => {
  for (const host of ['localhost', 'localhost:80', '127.0.0.1', '127.255.0.9:1', '[::1]:5000']) {
    t.true(isLoopback(host), host)
  }
  for (const host of [
    'localhost.example',
    'a.localhost',
    '127.0.0.1.example',
    '128.0.0.1',
    '[::2]',
    '127.1',
  ]) {
    t.false(isLoopback(host), host)
  }
})

const secure = new URL('https://quay.io/v2/')
const plain = new URL('http://127.0.0.1:5000/v2/')

test('a registry may send us to any address with TLS', t => {
  t.is(followable('https://auth.example/token?a=b', secure)?.href, 'https://auth.example/token?a=b')
  t.is(followable('/elsewhere', secure)?.href, 'https://quay.io/elsewhere')
  t.is(followable('https://auth.example/', plain)?.href, 'https://auth.example/')
})

test('plain HTTP is followed only from loopback to loopback', t => {
  t.is(followable('http://localhost:81/token', plain)?.href, 'http://localhost:81/token')
  t.is(followable('http://localhost:81/token', secure), null)
  t.is(followable('http://auth.example/token', plain), null)
  t.is(followable('http://auth.example/token', secure), null)
})

test('no other kind of address is followed', t => {
  for (const location of [
    'file:///etc/passwd',
    'ftp://a.example/',
    'javascript:1',
    'https://user:pw@a.example/',
    'https://[',
  ]) {
    t.is(followable(location, plain), null, location)
  }
})
