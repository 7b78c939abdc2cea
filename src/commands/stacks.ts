// Stacks, for operators: what there is, whether it can be used, read again.
import { Problem, problemLines } from '../domain/problem.ts'
import type { EngineAddress } from '../domain/stack.ts'
import type { Command } from './command.ts'

export const stackCommands: readonly Command[] = [
  {
    name: 'stacks',
    aliases: ['stacks:list'],
    summary: 'List the stacks',
    scope: 'gateway',
    action: 'stacks:see',
    lists: true,
    async run({ gateway, output }) {
      output.rows(
        gateway.stacks.list().map(({ name, stack, problem }) => ({
          stack: name,
          version: stack?.version ?? null,
          engine: stack ? where(stack.engine) : null,
          state: problem === undefined ? 'good' : 'broken: see stacks:check',
        })),
        'No stacks: add a file to the stacks directory.',
      )
    },
  },
  {
    name: 'stacks:check',
    summary: "Check the stack files, and ask each stack's engine who it is",
    usage: '[STACK]',
    words: { most: 1 },
    scope: 'gateway',
    action: 'stacks:see',
    async run({ gateway, session, words, output }) {
      await gateway.stacks.reload()
      let broken = 0
      for (const { name, problem } of gateway.stacks.list()) {
        if (words[0] !== undefined && words[0] !== name) continue
        try {
          if (problem) throw problem
          const { stack, engine } = gateway.ground.stack(name)
          const facts = await engine.facts(session.signal)
          const { os, architecture } = facts.platform
          output.line(
            `${name}: good. Docker ${facts.version} (API ${facts.apiVersion}, ${os}/${architecture}, ${facts.builder}) at ${where(stack.engine)}`,
          )
        } catch (error) {
          broken++
          reportBroken(output.line, name, error)
        }
      }
      if (words[0] !== undefined) gateway.stacks.get(words[0])
      return broken === 0 ? 0 : 1
    },
  },
  {
    name: 'stacks:reload',
    summary: 'Read the stack files again, now',
    scope: 'gateway',
    action: 'stacks:manage',
    async run({ gateway, output }) {
      await gateway.stacks.reload()
      const all = gateway.stacks.list()
      for (const { name, problem } of all) if (problem) reportBroken(output.line, name, problem)
      const good = all.filter(({ problem }) => problem === undefined).length
      output.line(`${good} of ${all.length} stacks are good.`)
      return good === all.length ? 0 : 1
    },
  },
]

function reportBroken(line: (text: string) => void, name: string, error: unknown): void {
  if (!(error instanceof Problem)) throw error
  line(`${name}: broken`)
  for (const each of problemLines(error)) line(each)
}

function where(engine: EngineAddress): string {
  return engine.kind === 'unix' ? engine.path : `${engine.host}:${engine.port} (mutual TLS)`
}
