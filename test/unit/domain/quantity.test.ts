import test from 'ava'
import fc from 'fast-check'
import { exactSize, formatSize, parseDuration, parseSize } from '../../../src/domain/quantity.ts'

test('sizes are bytes by their unit', t => {
  t.is(parseSize('512MiB'), 536870912)
  t.is(parseSize('2 GiB'), 2147483648)
  t.is(parseSize('1.5KiB'), 1536)
  t.is(parseSize('0B'), 0)
})

test('a size is written in its largest unit, rounded down, and reads back', t => {
  t.is(formatSize(0), '0B')
  t.is(formatSize(1023), '1023B')
  t.is(formatSize(2 ** 30), '1GiB')
  t.is(formatSize(2 ** 30 - 1), '1023.9MiB')
  t.is(formatSize(1.5 * 2 ** 40), '1.5TiB')
  t.is(parseSize(formatSize(5 * 2 ** 30)), 5 * 2 ** 30)
})

test('a size is written in the largest unit that fits whole, and read back as it was', t => {
  t.is(exactSize(536870912), '512MiB')
  t.is(exactSize(1.5 * 2 ** 30), '1536MiB')
  t.is(exactSize(2 ** 30), '1GiB')
  t.is(exactSize(1001), '1001B')
  t.is(exactSize(0), '0B')
  fc.assert(
    fc.property(fc.nat(999_999), fc.constantFrom(1, 1024, 2 ** 20), (n, unit) =>
      t.is(parseSize(exactSize(n * unit)), n * unit),
    ),
  )
})

test('durations are seconds by their unit', t => {
  t.is(parseDuration('30m'), 1800)
  t.is(parseDuration('1h'), 3600)
  t.is(parseDuration('0.5s'), 0.5)
})

test('an amount without a unit, with another or with more around it is none', t => {
  for (const bad of [
    '512',
    '512MB',
    '-1MiB',
    '1e3MiB',
    'MiB',
    '1MiB ',
    '1 constructor',
    '',
    '9'.repeat(400),
  ]) {
    t.is(parseSize(bad), null, bad)
  }
  for (const bad of ['30', '30min', '30M', '-1s', '']) t.is(parseDuration(bad), null, bad)
})
