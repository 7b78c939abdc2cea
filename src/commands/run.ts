// One-off containers: a command, or a shell, in the live release's image and config.
import { OperationFailed } from '../deploy/operation-failed.ts'
import { runOneOff } from '../deploy/run-one-off.ts'
import { subjectOf } from '../domain/one-off.ts'
import { problemLines } from '../domain/problem.ts'
import { text, usage } from './call.ts'
import type { AppCall, Command } from './command.ts'
import { whileAuthorised } from './while-authorised.ts'

const SHELL = '/bin/sh'

/** Nothing is said but what the container says: what comes back may be a program's to read. */
async function inOneOff(call: AppCall, words: readonly string[]): Promise<number> {
  const { gateway, session, actor, app, authorised, stdin } = call
  const { terminal, signal, stderr } = session
  const stdout = terminal?.takeOver() ?? session.stdout
  const request = {
    kind: 'run',
    subject: subjectOf(words),
    actor,
    say: () => {},
    signal,
    authorised,
    beside: true,
  } as const
  try {
    return await gateway.operations.run(app, request, async run => {
      const talk = { stdin, stdout, stderr }
      const wish = { app, words, talk, terminal }
      const exitCode = await whileAuthorised({ session: run, authorised }, signal =>
        runOneOff(gateway.ground, wish, { ...run, signal }),
      )
      run.transcript.line(`       It ended with exit code ${exitCode}`)
      return exitCode
    })
  } catch (error) {
    if (error instanceof OperationFailed) stderr.write(`${problemLines(error.problem).join('\n')}\n`)
    throw error
  }
}

const ssh: Command = {
  name: 'ssh',
  summary: 'Open a shell, or run a command, in a container of its own',
  usage: '[COMMAND...]',
  verbatim: true,
  options: { shell: { type: 'string', value: 'PATH', help: `the shell to open (default ${SHELL})` } },
  scope: 'app',
  action: 'app:run',
  async run(call) {
    const shell = text(call.options.shell)
    if (shell !== undefined && (call.words.length > 0 || !shell.startsWith('/'))) {
      throw usage(ssh, '--shell is the absolute path of the shell to open, and no command goes with it.')
    }
    return inOneOff(call, call.words.length > 0 ? call.words : [shell ?? SHELL])
  },
}

export const runCommands: readonly Command[] = [
  {
    name: 'run',
    summary: 'Run a command in a container of its own, with the image and config of the live release',
    usage: 'COMMAND...',
    words: { least: 1 },
    verbatim: true,
    scope: 'app',
    action: 'app:run',
    run: call => inOneOff(call, call.words),
  },
  ssh,
]
