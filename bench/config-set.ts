// A changed variable until the containers that have it answer, against `docker run` of the same image until it answers,
// alternating in one run. `node bench/config-set.ts [TIMES]`
import { compareWithByHand } from './support/against-by-hand.ts'

await compareWithByHand(
  {
    what: 'config:set',
    command: (app, round) => `config:set --app ${app} GREETING=round-${round}`,
    expected: round => `round-${round} v2`,
  },
  Number(process.argv[2] ?? 20),
)
