import test from 'ava'
import { keepCertificates } from '../../../src/certificates/keep.ts'

test('certificates are put to the router until it takes them, and looked at again and again from then on', async t => {
  const stopping = new AbortController()
  const done: string[] = []
  const warned: string[] = []
  const log = { info() {}, warn: (_: object, message: string) => void warned.push(message), error() {} }
  const certificates = {
    async sweep() {
      done.push('sweep')
    },
    async load() {
      done.push('load')
      if (done.length < 6) throw new Error('the router is away')
    },
    async renewDue() {
      done.push('renew')
      if (done.length === 7) throw new Error('the router is away')
      if (done.length === 11) stopping.abort()
    },
  }
  await keepCertificates(certificates, log, stopping.signal, 1)
  t.deepEqual(done, [
    ...['sweep', 'load', 'sweep', 'load', 'sweep', 'load', 'renew'],
    ...['sweep', 'renew', 'sweep', 'renew'],
  ])
  t.deepEqual(warned, Array(3).fill('certificates could not be brought to the router'))
})

test('a gateway that stops is not kept waiting for the next round', async t => {
  const stopping = new AbortController()
  const log = { info() {}, warn: () => t.fail(), error() {} }
  const certificates = {
    async sweep() {},
    async load() {},
    async renewDue(signal: AbortSignal) {
      setImmediate(() => stopping.abort(new Error('stopping')))
      if (signal.aborted) t.fail()
    },
  }
  await keepCertificates(certificates, log, stopping.signal)
  t.pass()
})
