import test from 'ava'
import fc from 'fast-check'
import { freeSubnets, poolFault, subnets } from '../../../src/domain/subnets.ts'

function take(list: Iterable<string>, count: number): string[] {
  const taken: string[] = []
  for (const each of list) if (taken.push(each) === count) break
  return taken
}

test('a pool is cut into subnets of the asked size, lowest first, and no more than fit', t => {
  t.deepEqual(
    [...subnets({ pool: '10.210.0.0/24', size: 26 })],
    ['10.210.0.0/26', '10.210.0.64/26', '10.210.0.128/26', '10.210.0.192/26'],
  )
  t.deepEqual([...subnets({ pool: '10.0.0.0/26', size: 26 })], ['10.0.0.0/26'])
  t.deepEqual([...subnets({ pool: '10.0.0.0/27', size: 26 })], [])
  t.is([...subnets({ pool: '10.210.0.0/16', size: 26 })].length, 1024)
  t.deepEqual(take(subnets({ pool: '192.168.255.0/24', size: 25 }), 9), [
    '192.168.255.0/25',
    '192.168.255.128/25',
  ])
})

test('taken ranges are left out, whether smaller, larger or the same, in the pool or half outside', t => {
  const pool = { pool: '10.210.0.0/24', size: 26 }
  t.deepEqual(
    [...freeSubnets(pool, ['10.210.0.64/26'])],
    ['10.210.0.0/26', '10.210.0.128/26', '10.210.0.192/26'],
  )
  t.deepEqual(
    [...freeSubnets(pool, ['10.210.0.200/29', '10.210.0.1/32'])],
    ['10.210.0.64/26', '10.210.0.128/26'],
  )
  t.deepEqual(
    [...freeSubnets(pool, ['10.210.0.0/25', '172.17.0.0/16', 'fd00::/8'])],
    take(subnets(pool), 4).slice(2),
  )
  t.deepEqual(take(freeSubnets(pool, ['10.0.0.0/8']), 1), [])
  t.deepEqual(take(freeSubnets(pool, ['10.210.0.0/32']), 1), ['10.210.0.64/26'])
  t.deepEqual(take(freeSubnets(pool, ['10.210.0.63/32']), 1), ['10.210.0.64/26'])
  t.deepEqual(take(freeSubnets(pool, ['10.210.0.0/26']), 1), ['10.210.0.64/26'])
  t.deepEqual(take(freeSubnets({ pool: '255.255.255.0/24', size: 26 }, ['255.255.255.0/25']), 1), [
    '255.255.255.128/26',
  ])
})

test('a huge pool behind a huge taken range is answered without counting through it', t => {
  t.deepEqual(take(freeSubnets({ pool: '10.0.0.0/8', size: 30 }, ['10.0.0.0/9', '10.128.0.0/10']), 1), [
    '10.192.0.0/30',
  ])
  t.deepEqual(take(subnets({ pool: '0.0.0.0/0', size: 30 }), 2), ['0.0.0.0/30', '0.0.0.4/30'])
})

test('whatever is taken, what is free overlaps none of it and together they fill the pool', t => {
  const numberOf = (cidr: string) =>
    (cidr.split('/')[0] as string).split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const rangeOf = (cidr: string) => {
    const length = 2 ** (32 - Number(cidr.split('/')[1]))
    return { first: numberOf(cidr), last: numberOf(cidr) + length - 1 }
  }
  const inPool = fc
    .record({ bits: fc.integer({ min: 18, max: 32 }), offset: fc.integer({ min: 0, max: 2 ** 16 - 1 }) })
    .map(({ bits, offset }) => {
      const start = Math.floor(offset / 2 ** (32 - bits)) * 2 ** (32 - bits)
      return `10.210.${Math.floor(start / 256)}.${start % 256}/${bits}`
    })
  fc.assert(
    fc.property(fc.array(inPool, { maxLength: 12 }), taken => {
      const pool = { pool: '10.210.0.0/16', size: 24 }
      const overlaps = (cidr: string) => {
        const mine = rangeOf(cidr)
        return taken.map(rangeOf).some(range => range.first <= mine.last && mine.first <= range.last)
      }
      t.deepEqual(
        [...freeSubnets(pool, taken)],
        [...subnets(pool)].filter(each => !overlaps(each)),
      )
    }),
  )
})

test('a pool that is no network, or not written as one, is told how to be', t => {
  t.is(poolFault('10.210.0.0/16'), null)
  t.is(poolFault('0.0.0.0/0'), null)
  t.is(poolFault('10.210.0.1/16'), 'is an address inside a network: write 10.210.0.0/16')
  for (const bad of [
    '10.210.0.0',
    '10.210.0/16',
    '10.256.0.0/16',
    '10.0.0.0/33',
    '010.0.0.0/8',
    'fd00::/8',
    ' 10.0.0.0/8',
    '',
  ]) {
    t.is(poolFault(bad), 'is not an IPv4 network, for example 10.210.0.0/16', bad)
  }
})
