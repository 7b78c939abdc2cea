import test from 'ava'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import type { Route } from '../../../src/domain/router.ts'
import { enlarge, FIRST_SIZE, fits, widen } from '../../../src/routing/size.ts'

const route = (slot: number, servers: number): Route => ({
  hostname: `${slot}.example` as Hostname,
  slot,
  servers: Array.from({ length: servers }, (_, index) => ({ address: '10.0.0.1', port: index + 1 })),
  secure: false,
})

test('a size stays while there is room, and doubles until there is', t => {
  t.deepEqual(enlarge(FIRST_SIZE, []), { pool: 32, width: 8 })
  t.deepEqual(enlarge(FIRST_SIZE, [route(31, 4)]), { pool: 32, width: 8 })
  t.deepEqual(enlarge(FIRST_SIZE, [route(32, 1)]), { pool: 64, width: 8 })
  t.deepEqual(enlarge(FIRST_SIZE, [route(200, 5)]), { pool: 256, width: 16 })
})

test('routes fit when each has a backend and its servers have slots', t => {
  t.true(fits(FIRST_SIZE, [route(31, 8)]))
  t.false(fits(FIRST_SIZE, [route(32, 1)]))
  t.false(fits(FIRST_SIZE, [route(0, 9)]))
})

test('what drains makes backends wider, but not without end', t => {
  t.deepEqual(widen({ pool: 32, width: 8 }, [route(0, 1)]), { pool: 32, width: 16 })
  t.deepEqual(widen({ pool: 32, width: 64 }, [route(0, 1)]), { pool: 32, width: 64 })
  t.deepEqual(widen({ pool: 32, width: 64 }, [route(0, 40)]), { pool: 32, width: 128 })
})
