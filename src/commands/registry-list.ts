// What an app can use for its registries, in the order in which it is offered; or what is kept for an environment or a
// stack. Never a password.
import { configInForce } from '../deploy/config-in-force.ts'
import { type App, formatAppName } from '../domain/app.ts'
import type { Config } from '../domain/config.ts'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import { APP_CREDENTIAL, appRegistryAuth } from '../domain/registry-auth.ts'
import type { RegistryScope } from '../domain/registry-scope.ts'
import type { Call, Command, Gateway } from './command.ts'
import type { Row } from './output.ts'
import { describeGenerator } from './registry-generator.ts'
import { formatPlace } from './registry-place.ts'
import { WHOSE, whoseCredentials } from './registry-scope.ts'

export const listCommand: Command = {
  name: 'registry:list',
  aliases: ['registry', 'registry:logins'],
  summary: 'List where the credentials for registries come from, in the order in which they are offered',
  options: WHOSE,
  scope: 'gateway',
  action: 'self:manage',
  lists: true,
  async run(call) {
    const whose = whoseCredentials(call, listCommand, 'registry:read')
    if (whose.app !== null) {
      call.output.rows(everySource(call.gateway, whose.app), '')
      return
    }
    call.output.rows(
      storedFor(call, whose.scope),
      `None is stored for ${whose.label}: \`fairlead registry:login HOST ${whose.option}\` stores one.`,
    )
  },
}

function storedFor({ gateway }: Call, scope: RegistryScope): Row[] {
  const { registryCredentials } = gateway.ground.store
  return registryCredentials.list(scope).map(each => ({
    for: formatPlace(each),
    user: printable(each.username),
    by: each.actor,
    since: each.createdAt,
  }))
}

interface Source {
  readonly source: string
  readonly for?: string
  readonly user?: string
  readonly about: string
}

/** A source that holds several logins has a row for each; one that was not set up has a row that says so. */
function everySource({ ground, credentialFiles }: Gateway, app: App): Row[] {
  const { store } = ground
  const label = formatAppName(app.name)
  const uri = store.registryUris.of(app.id)
  const secret = store.secrets.usedBy(app.id)
  const { current } = store.registryKeys.of(app.id)
  const generators = store.registryGenerators.list(app.id)

  const stored = (what: string, scope: RegistryScope): Source[] => {
    const found = store.registryCredentials.list(scope)
    const source = `registry:login for the ${what}`
    if (found.length === 0) return [{ source, about: NOT_SET }]
    return found.map(each => ({
      source,
      for: formatPlace(each),
      user: printable(each.username),
      about: `stored by ${each.actor}, ${each.createdAt}`,
    }))
  }
  const inOrder: Source[][] = [
    [ofVariables(configInForce(store, app).values)],
    [
      {
        source: 'dockercfg.encrypted',
        about:
          current === null
            ? 'no key yet: `fairlead registry:key` makes it'
            : `encrypted for ${current.recipient}`,
      },
    ],
    stored(`app ${label}`, { kind: 'app', id: app.id }),
    stored(`environment ${app.name.environment}`, { kind: 'environment', id: app.environmentId }),
    stored(`stack ${app.stack}`, { kind: 'stack', name: app.stack }),
    [
      {
        source: 'registry:uri',
        about: uri === null ? NOT_SET : credentialFiles.describeUri(credentialFiles.parseUri(uri.reveal())),
      },
    ],
    [{ source: 'registry:use --secret', about: secret ?? NOT_SET }],
    ...(generators.length === 0 ? [[{ source: 'registry:generator', about: NOT_SET }]] : []),
    ...generators.map(each => [
      { source: `generator ${each.name}`, for: each.host ?? 'any host', about: describeGenerator(each) },
    ]),
  ]
  return inOrder.flatMap((sources, i) =>
    sources.map(({ source, about, ...more }) => ({
      order: i + 1,
      source,
      for: more.for ?? null,
      user: more.user ?? null,
      about,
    })),
  )
}

const NOT_SET = 'not set'

function ofVariables(config: Config): Source {
  const source = APP_CREDENTIAL
  try {
    const auth = appRegistryAuth(config)
    if (auth === null) return { source, about: NOT_SET }
    return { source, for: auth.host, user: printable(auth.username), about: 'variables of the app' }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { source, about: error.headline }
  }
}
