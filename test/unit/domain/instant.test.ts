import test from 'ava'
import fc from 'fast-check'
import { instantOf, parseInstant, secondsBefore, unixTime } from '../../../src/domain/instant.ts'

test('times of every offset and fraction become one form', t => {
  t.is(parseInstant('2026-01-02T03:04:05Z'), '2026-01-02T03:04:05.000000000Z')
  t.is(parseInstant('2026-01-02t03:04:05.12z'), '2026-01-02T03:04:05.120000000Z')
  t.is(parseInstant('2026-01-01T22:34:05.123456789-04:30'), '2026-01-02T03:04:05.123456789Z')
})

test('what is no time is null', t => {
  for (const text of [
    '',
    'yesterday',
    '2026-01-02',
    '2026-01-02T03:04:05',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-02T25:00:00Z',
    '2026-01-02T03:04:05.1234567890Z',
    '2026-01-02T03:04:05+99:99',
    '1969-12-31T23:59:59Z',
    '9999-12-31T23:59:59-01:00',
    ' 2026-01-02T03:04:05Z',
  ])
    t.is(parseInstant(text), null, text)
})

test('the order of the texts is the order of the times', t => {
  const date = fc.date({ min: new Date(0), max: new Date('2999-12-31'), noInvalidDate: true })
  fc.assert(
    fc.property(date, date, (a, b) => {
      t.is(instantOf(a) < instantOf(b), a < b)
      t.is(parseInstant(instantOf(a)), instantOf(a))
    }),
  )
})

test('an engine is asked in seconds with nine decimals', t => {
  t.is(unixTime('1970-01-01T00:01:00.000000001Z'), '60.000000001')
})

test('counting back keeps the nanoseconds, and ends in 1970', t => {
  t.is(secondsBefore('2026-01-02T00:00:01.000000009Z', 61), '2026-01-01T23:59:00.000000009Z')
  t.is(secondsBefore('2026-01-02T00:00:01.000000000Z', 1e12), '1970-01-01T00:00:00.000000000Z')
})
