import test from 'ava'
import { exposition } from '../../../src/monitor/exposition.ts'
import { counter, histogram } from '../../../src/monitor/tally.ts'

test('a family is its help, its type and a line for each sample, labels escaped', t => {
  const count = counter()
  count.add({ kind: 'deploy', outcome: 'failed' })
  count.add({ outcome: 'failed', kind: 'deploy' })
  count.add({ kind: 'a "b"\\\n', outcome: 'ok' })
  t.is(
    exposition([
      { name: 'fairlead_x_total', help: 'What it is.', type: 'counter', samples: count.samples() },
      { name: 'fairlead_apps', help: 'Apps.', type: 'gauge', samples: [{ value: 2.5 }] },
      { name: 'fairlead_none', help: 'Nothing yet.', type: 'gauge', samples: [] },
    ]),
    `# HELP fairlead_x_total What it is.
# TYPE fairlead_x_total counter
fairlead_x_total{kind="deploy",outcome="failed"} 2
fairlead_x_total{kind="a \\"b\\"\\\\\\n",outcome="ok"} 1
# HELP fairlead_apps Apps.
# TYPE fairlead_apps gauge
fairlead_apps 2.5
# HELP fairlead_none Nothing yet.
# TYPE fairlead_none gauge
`,
  )
})

test('the buckets of a histogram are cumulative, and the last holds all', t => {
  const took = histogram([1, 10])
  for (const value of [0.5, 1, 5, 100]) took.observe({ kind: 'deploy' }, value)
  t.is(
    exposition([{ name: 'took', help: 'T.', type: 'histogram', samples: took.samples() }]),
    `# HELP took T.
# TYPE took histogram
took_bucket{kind="deploy",le="1"} 2
took_bucket{kind="deploy",le="10"} 3
took_bucket{kind="deploy",le="+Inf"} 4
took_sum{kind="deploy"} 106.5
took_count{kind="deploy"} 4
`,
  )
})
