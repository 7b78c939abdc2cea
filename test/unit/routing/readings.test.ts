import test from 'ava'
import { readMap, readProcesses, readSessions, readSlots } from '../../../src/routing/readings.ts'

const HEADER = '#<PID>          <type>          <reloads>       <uptime>        <version>      '

test('the worker that serves and those that end are told apart', t => {
  const text = [
    HEADER,
    '100             master          2 [failed: 1]   0d00h00m02s     2.6.12-1+deb12u4',
    '# workers',
    '103             worker          0               0d00h00m00s     2.6.12-1+deb12u4',
    '# old workers',
    '101             worker          2               0d00h00m02s     2.6.12-1+deb12u4',
    '102             worker          1               0d00h00m01s     2.6.12-1+deb12u4',
    '# programs',
    '',
  ].join('\n')
  t.deepEqual(readProcesses(text), { worker: 103, old: [101, 102], failed: 1 })
})

test('what is no list of processes is none', t => {
  t.is(readProcesses(''), null)
  t.is(readProcesses('Unknown command'), null)
})

test('slots are read with their state and what is under way or waits for them', t => {
  const text = [
    '# pxname,svname,qcur,scur,status,addr',
    'fairlead_0,s1,1,2,no check,10.0.0.1:80,',
    'fairlead_0,s2,0,3,DRAIN,10.0.0.2:81,',
    'fairlead_7,s1,0,0,MAINT,127.0.0.1:1,',
    'fairlead_next,next,0,0,no check,127.0.0.1:80,',
    '',
  ].join('\n')
  t.deepEqual(
    [...(readSlots(text) ?? [])],
    [
      [
        0,
        [
          { name: 's1', server: { address: '10.0.0.1', port: 80 }, state: 'ready', sessions: 3 },
          { name: 's2', server: { address: '10.0.0.2', port: 81 }, state: 'drain', sessions: 3 },
        ],
      ],
      [7, [{ name: 's1', server: { address: '127.0.0.1', port: 1 }, state: 'maint', sessions: 0 }]],
    ],
  )
  t.is(readSlots(''), null)
})

test('maps and sessions are read', t => {
  t.deepEqual(
    [...readMap('0x55 a.example fairlead_0\n0x56 b.example fairlead_1\n\n')],
    [
      ['a.example', 'fairlead_0'],
      ['b.example', 'fairlead_1'],
    ],
  )
  t.deepEqual(readSessions('0x55a: proto=tcpv4 src=127.0.0.1:3 fe=fairlead be=fairlead_0 srv=s1 ts=00\n'), [
    { id: '0x55a', server: 'fairlead_0/s1' },
  ])
})
