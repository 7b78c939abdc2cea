import test from 'ava'
import fc from 'fast-check'
import { logMark } from '../../../src/commands/log-mark.ts'

const at = (n: number) => `2026-01-01T00:00:00.${String(n).padStart(9, '0')}Z`

test('until something was read, what to ask for stays', t => {
  const mark = logMark({ lines: 5, since: at(3) })
  t.deepEqual(mark.resume(), { lines: 5, since: at(3) })
  t.true(mark.isNew(at(4)))
  t.deepEqual(mark.resume(), { lines: 'all', since: at(4) })
})

test('however often a log is cut, each line is new exactly once', t => {
  const steps = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 20 })
  fc.assert(
    fc.property(steps, fc.array(fc.integer({ min: 0, max: 20 })), (gaps, cuts) => {
      let time = 0
      const times = gaps.map(gap => {
        time += gap
        return at(time)
      })
      const mark = logMark({ lines: 'all' })
      const seen: string[] = []
      // Each time the engine sends from `since` on, inclusive, and breaks off after so many lines.
      for (const cut of [...cuts, times.length]) {
        const { since } = mark.resume()
        const sent = times.filter(each => since === undefined || each >= since).slice(0, cut)
        for (const each of sent) if (mark.isNew(each)) seen.push(each)
      }
      t.deepEqual(seen, times)
    }),
  )
})
