// The kernel's table of sockets, as it prints it.
import test from 'ava'
import { parseListeners } from '../../../../src/engines/docker/listening.ts'

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const REST =
  ' 00000000:00000000 00:00000000 00000000     0        0 7214655 1 0000000083a2f910 100 0 0 10 0\n'
const line = (local: string, state = '0A') =>
  `   0: ${local} ${local.length > 13 ? '0'.repeat(32) : '0'.repeat(8)}:0000 ${state}${REST}`

test('what listens is told by address and port, without connections and the engine’s name server', t => {
  const table = [
    HEAD,
    line('00000000:1388'),
    line('0100007F:0BB8'),
    line('0B00007F:9803'),
    line('0200A8C0:1388', '01'),
  ].join('')
  t.deepEqual(parseListeners(table), [
    { address: '0.0.0.0', port: 5000 },
    { address: '127.0.0.1', port: 3000 },
  ])
})

test('addresses of IPv6 are told as people write them', t => {
  const table =
    HEAD +
    line('00000000000000000000000000000000:1388') +
    line('00000000000000000000000001000000:0050') +
    line('0000000000000000FFFF00000100007F:0051') +
    line('B80D01200000000000000000020000AC:0052')
  t.deepEqual(parseListeners(table), [
    { address: '::', port: 5000 },
    { address: '::1', port: 80 },
    { address: '127.0.0.1', port: 81 },
    { address: '2001:db8:0:0:0:0:ac00:2', port: 82 },
  ])
})

test('what is no such table has no listeners', t => {
  for (const text of ['', HEAD, 'nonsense\n0A\n', line('XX000000:1388')])
    t.deepEqual(parseListeners(text), [])
})
