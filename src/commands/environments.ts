// Environments: named groups of apps on one stack.
import { parseHandle } from '../domain/app.ts'
import { may } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import { text, usage } from './call.ts'
import type { Command } from './command.ts'

const create: Command = {
  name: 'environment:create',
  aliases: ['environments:create'],
  summary: 'Make an environment on a stack',
  usage: 'HANDLE --stack STACK',
  words: { least: 1, most: 1 },
  options: { stack: { type: 'string', value: 'STACK', help: 'the stack its apps run on' } },
  scope: 'gateway',
  action: 'environment:create',
  recorded: { first: 1 },
  async run({ gateway, words, options, output }) {
    const stack = text(options.stack)
    if (stack === undefined) throw usage(create, 'It needs --stack STACK; `fairlead stacks` lists them.')
    const handle = parseHandle(words[0] ?? '', 'environment')
    gateway.stacks.get(stack) // Refuses a stack that is not there or is broken.
    gateway.ground.store.environments.create(handle, stack)
    output.line(`Environment ${handle} created on stack ${stack}.`)
  },
}

export const environmentCommands: readonly Command[] = [
  {
    name: 'environments',
    aliases: ['environment:list', 'environments:list'],
    summary: 'List the environments you may see',
    scope: 'gateway',
    action: 'self:manage',
    lists: true,
    async run({ gateway, actor, output }) {
      const { store } = gateway.ground
      const visible = store.environments.list().filter(({ id }) => may(actor, 'environment:see', id))
      output.rows(
        visible.map(({ id, handle, stack }) => ({
          environment: handle,
          stack,
          role: actor.member.operator ? 'operator' : (actor.roles.get(id) ?? null),
          apps: store.apps.list(id).length,
        })),
        'No environment is open to you yet.',
      )
    },
  },
  create,
  {
    name: 'environment:destroy',
    aliases: ['environments:destroy'],
    summary: 'Delete an environment that holds no apps',
    scope: 'environment',
    action: 'environment:destroy',
    async run({ gateway, environment, output }) {
      const { store } = gateway.ground
      const apps = store.apps.list(environment.id)
      if (apps.length > 0) {
        throw new Problem('usage', {
          headline: `Environment ${environment.handle} still holds apps`,
          saw: apps.map(app => app.name.app).join(', '),
          hint: 'Destroy each of them first: `fairlead apps:destroy --app ENVIRONMENT/APP`.',
        })
      }
      store.environments.remove(environment.id)
      output.line(`Environment ${environment.handle} destroyed.`)
    },
  },
]
