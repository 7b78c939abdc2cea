// What differs between the record and the world, for operators; and having it mended.
import { type Examined, examine } from '../deploy/examine.ts'
import { mend, type NotMended } from '../deploy/mend.ts'
import { formatAppName } from '../domain/app.ts'
import { appOf, type Finding, keyOf } from '../domain/finding.ts'
import { describeFinding } from '../domain/finding-text.ts'
import { authorise } from '../domain/member.ts'
import type { Call, Command } from './command.ts'
import { currentActor } from './current-actor.ts'
import type { Row } from './output.ts'
import { withoutWaiting } from './wait-for-client.ts'

const MENDED = 'mended'

const doctor: Command = {
  name: 'doctor',
  summary: 'Say what differs between the record, the engines and the router; exit status 0 if nothing does',
  options: { fix: { type: 'boolean', help: 'mend it, where that can be done without a person' } },
  words: { most: 0 },
  scope: 'gateway',
  action: 'gateway:mend',
  lists: true,
  recorded: { option: 'fix' },
  async run(call) {
    const { gateway, session, actor, options } = call
    const { ground, operations, routing } = gateway
    const patient = { ground, operations, routing, stacks: gateway.stacks.list().map(({ name }) => name) }
    const before = await examine(patient, session.signal)
    if (options.fix !== true) return report(call, before, before.findings.map(rowOf))

    const authorised = () => authorise(currentActor(ground.store, actor), doctor.action, { kind: 'gateway' })
    const mending = { ...patient, actor, say: withoutWaiting(session.stderr), authorised }
    const failed = await mend(mending, before.findings, session.signal)
    const after = await examine(patient, session.signal)
    const all = new Map([...before.findings, ...after.findings].map(each => [keyOf(each), each]))
    const rows = [...all.values()].map(finding => ({ ...rowOf(finding), fix: fixOf(finding, after, failed) }))
    return report(call, after, rows)
  },
}

/** @returns the exit status */
function report({ session, output }: Call, { leftOut }: Examined, rows: readonly Row[]): number {
  output.rows(rows, 'Nothing differs.')
  // Beside the list, which a program may read.
  for (const { app, underWay } of leftOut) {
    session.stderr.write(`${formatAppName(app.name)} is left out: ${underWay} is under way\n`)
  }
  return rows.every(({ fix }) => fix === MENDED) ? 0 : 1
}

function rowOf(finding: Finding): Row {
  const { about, found, cure } = describeFinding(finding)
  return { about, kind: finding.kind, found, cure }
}

/** What a last look still finds was not mended; where that look had to leave the app out, what failed was not. */
function fixOf(finding: Finding, { findings, leftOut }: Examined, failed: NotMended): string {
  const key = keyOf(finding)
  const unjudged = leftOut.some(({ app }) => app.id === appOf(finding)?.id)
  if (!(findings.some(each => keyOf(each) === key) || (unjudged && failed.has(key)))) return MENDED
  const problem = failed.get(key)
  if (problem === null) return 'takes a person'
  return problem === undefined ? 'not mended' : `not mended: ${problem.headline}. ${problem.hint}`
}

export const doctorCommands: readonly Command[] = [doctor]
