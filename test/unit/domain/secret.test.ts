import { format, inspect } from 'node:util'
import test from 'ava'
import fc from 'fast-check'
import { maskSecrets, Secret } from '../../../src/domain/secret.ts'

test('no way of turning a secret into text shows it', t => {
  const secret = new Secret('hunter22')
  const texts = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    format('%s %o %O %j', secret, secret, secret, secret),
    String(new Error(`${secret}`)),
    Object.entries(secret).join(),
  ]
  for (const text of texts) t.false(text.includes('hunter22'), text)
  t.is(secret.reveal(), 'hunter22')
})

test('secrets are equal when their values are', t => {
  t.true(new Secret('a').equals(new Secret('a')))
  t.false(new Secret('a').equals(new Secret('b')))
})

test('a mask hides a secret raw, as base64 and URL-encoded, wherever it stands', t => {
  const values = fc.string({ minLength: 4, maxLength: 40, unit: 'grapheme' })
  fc.assert(
    fc.property(values, fc.string(), fc.string(), (value, before, after) => {
      const forms = [value, Buffer.from(value).toString('base64'), encodeURIComponent(value)]
      const masked = maskSecrets([new Secret(value)])
      for (const form of forms) {
        const text = masked(`${before}${form}${after}`)
        // The secret may be a part of the mark itself, or arise where the mark meets its neighbours.
        if (!'[redacted]'.includes(value)) t.true(text.includes('[redacted]'))
      }
    }),
  )
})

test('a mask knows every way in which a secret travels', t => {
  // Its base64 holds '+' and '/', and ends with padding.
  const value = '>>>???~~~"ü\\ (x)!'
  const base64 = Buffer.from(value).toString('base64')
  const forms = {
    raw: value,
    json: JSON.stringify({ password: value }).slice('{"password":"'.length, -2),
    base64,
    unpadded: base64.replace(/=+$/, ''),
    base64url: Buffer.from(value).toString('base64url'),
    'URL-encoded': encodeURIComponent(value),
    'in a form': new URLSearchParams({ password: value }).toString().slice('password='.length),
    'URL-encoded in lower case': encodeURIComponent(value).replace(/%../g, each => each.toLowerCase()),
  }
  const mask = maskSecrets([new Secret(value)])
  for (const [name, form] of Object.entries(forms)) t.is(mask(`<${form}>`), '<[redacted]>', name)
})

test('the lines of a key file are hidden one by one, short ones aside', t => {
  const key = '{\n  "private_key": "MIIEvQIBADANBgkq",\n  "a": 1\n}\n'
  const mask = maskSecrets([new Secret(key)])
  t.is(mask('> "private_key": "MIIEvQIBADANBgkq", <'), '> [redacted] <')
  t.is(mask('"a": 1'), '"a": 1')
})

test('a secret that holds another is hidden whole', t => {
  const mask = maskSecrets([new Secret('pass'), new Secret('password')])
  t.is(mask('password pass'), '[redacted] [redacted]')
})

test('of many secrets each is hidden as it is when it is the only one', t => {
  const values = Array.from({ length: 300 }, (_, n) => `pass ${'word'.repeat(n % 7)}/${n}ü`)
  const mask = maskSecrets(values.map(value => new Secret(value)))
  for (const value of values) {
    const base64 = Buffer.from(value).toString('base64')
    for (const form of [value, base64, base64.replace(/=+$/, ''), encodeURIComponent(value)]) {
      t.is(mask(`<${form}> ${form}`), '<[redacted]> [redacted]', form)
    }
  }
  t.is(mask('pass word'), 'pass word')
  t.is(mask('pas'), 'pas')
})

test('a value too short to be worth hiding leaves ordinary text alone', t => {
  t.is(maskSecrets([new Secret(''), new Secret('abc')])('abcabc'), 'abcabc')
})

test('a value of any length is masked', t => {
  const value = 'ü~'.repeat(500_000) // The stack of a test's thread is larger than that of the gateway.
  const mask = maskSecrets([new Secret(value)])
  t.is(mask(`a ${Buffer.from(value).toString('base64')} b`), 'a [redacted] b')
})

test('a value that is had only when it is wanted is asked for once, and is a secret like any other', t => {
  let asked = 0
  const late = new Secret(() => {
    asked += 1
    return 'hunter2'
  })
  t.is(`${late} ${JSON.stringify(late)} ${inspect(late)}`, '[redacted] "[redacted]" [redacted]')
  t.is(asked, 0)
  t.true(late.equals(new Secret('hunter2')))
  t.true(new Secret('hunter2').equals(late))
  t.false(late.equals(new Secret('hunter3')))
  t.is(late.reveal(), 'hunter2')
  t.is(asked, 1)
  t.is(maskSecrets([late])('hunter2'), '[redacted]')
})
