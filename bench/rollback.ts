// A rollback until the old release answers, against `docker run` of the same image until it answers, alternating in one
// run. `node bench/rollback.ts [TIMES]`
import { compareWithByHand } from './support/against-by-hand.ts'

await compareWithByHand(
  {
    what: 'rollback',
    command: app => `rollback --app ${app}`,
    expected: round => (round % 2 === 0 ? 'v1' : 'v2'),
  },
  Number(process.argv[2] ?? 20),
)
