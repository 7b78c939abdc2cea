import test from 'ava'
import { describeCertificate, endsSoon, renewalAt, retryAt } from '../../../src/domain/certificate.ts'

const NOW = new Date('2026-03-01T12:00:00Z')
const DAY = 86_400_000
const after = (days: number) => new Date(NOW.getTime() + days * DAY).toISOString()
const trouble = {
  headline: 'acme.test could not reach a.example.com over HTTP',
  saw: 'It said so.',
  hint: 'Let it.',
  failures: 2,
  retryAt: '2026-03-01T14:00:00.000Z',
}

test('a successor is due 30 days before the end, and for a short life when a third of it is left', t => {
  t.is(renewalAt({ notBefore: after(0), notAfter: after(90) }).toISOString(), after(60))
  t.is(renewalAt({ notBefore: after(0), notAfter: after(365) }).toISOString(), after(335))
  t.is(renewalAt({ notBefore: after(0), notAfter: after(6) }).toISOString(), after(4))
})

test('after a failure it is asked again in an hour, then ever later, at most a day later', t => {
  const hours = (failures: number) => (retryAt(failures, null, NOW).getTime() - NOW.getTime()) / 3_600_000
  t.deepEqual([1, 2, 3, 4, 5, 6, 7, 5000].map(hours), [1, 2, 4, 8, 16, 24, 24, 24])
})

test('an authority that wants to be left alone for longer is, and one that wants less is not asked sooner', t => {
  t.is(retryAt(1, 172_800, NOW).toISOString(), after(2))
  t.is(retryAt(1, 10, NOW).toISOString(), '2026-03-01T13:00:00.000Z')
})

test('the state of a certificate is told in one line', t => {
  const told = (validUntil: string | null, failed = false, tls: 'acme' | 'file' | 'off' = 'acme') =>
    describeCertificate(tls, { validUntil, trouble: failed ? trouble : null }, NOW)
  t.is(told(null, false, 'off'), null)
  t.is(told(null), 'waiting: it was not asked for yet')
  t.is(
    told(null, true),
    'waiting: acme.test could not reach a.example.com over HTTP; asked again from 2026-03-01 14:00 UTC',
  )
  t.is(told(after(60)), 'valid until 2026-04-30 12:00 UTC')
  t.is(
    told(after(10), true),
    'valid until 2026-03-11 12:00 UTC; no new one: acme.test could not reach a.example.com over HTTP; asked again from 2026-03-01 14:00 UTC',
  )
  t.is(told(after(-1)), 'ended on 2026-02-28 12:00 UTC')
  t.is(told(after(60), false, 'file'), 'valid until 2026-04-30 12:00 UTC')
  t.is(told(after(10), false, 'file'), 'valid until 2026-03-11 12:00 UTC: give a new one')
  t.is(told(after(-1), false, 'file'), 'ended on 2026-02-28 12:00 UTC: give a new one')
})

test('one given by hand is warned of from 30 days before its end', t => {
  t.is(endsSoon({ notAfter: after(30) }, NOW), null)
  t.is(
    endsSoon({ notAfter: after(29.5) }, NOW),
    'The certificate ends on 2026-03-31 00:00 UTC, and the gateway cannot renew it.',
  )
})
