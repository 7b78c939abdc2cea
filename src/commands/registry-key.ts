// An app's key pair: by the public half anybody can encrypt a file of credentials for the app's repository; the
// private half never leaves the gateway.
import { commitInForce } from '../deploy/commit-in-force.ts'
import { type App, formatAppName } from '../domain/app.ts'
import { MAX_DOCKERCFG } from '../domain/dockercfg-text.ts'
import { ENCRYPT_COMMAND, ENCRYPTED_DOCKERCFG } from '../domain/encrypted-dockercfg.ts'
import { Problem } from '../domain/problem.ts'
import { TooLarge } from '../domain/too-large.ts'
import { usage } from './call.ts'
import type { AppCall, Command, Gateway } from './command.ts'
import { confirm } from './confirmation.ts'
import { wholeBytes } from './first-line.ts'

const FILE = ENCRYPTED_DOCKERCFG
const ENCRYPT = `\`${ENCRYPT_COMMAND}\``

const key: Command = {
  name: 'registry:key',
  summary: "Print the app's public key, by which files of credentials are encrypted for it",
  scope: 'app',
  action: 'registry:read',
  async run(call) {
    const { registryKeys } = call.gateway.ground.store
    if (registryKeys.of(call.app.id).current === null) await makeFirst(call)
    call.output.line(recipient(call))
  },
}

const rotate: Command = {
  name: 'registry:rotate-key',
  summary: 'Give the app a new key; what was encrypted for the one before cannot be read any more',
  options: { confirm: { type: 'string', value: 'HANDLE', help: "the app's handle, instead of being asked" } },
  scope: 'app',
  action: 'registry:write',
  async run(call) {
    const { gateway, actor, app, authorised, output } = call
    const { registryKeys } = gateway.ground.store
    const label = formatAppName(app.name)
    if (registryKeys.of(app.id).current === null) {
      await makeFirst(call)
      output.line(`${label} has a new key: ${recipient(call)}`)
      return
    }
    await confirm(call, {
      handle: app.name.app,
      warning: `This deletes the key of ${label}: no ${FILE} that was encrypted for it can be read any more.`,
      refused: `The key of ${label} was not replaced`,
      runs: 'Everything, as before.',
    })
    const pair = await gateway.credentialFiles.makeKeyPair()
    authorised()
    registryKeys.replace(app.id, pair, actor.member.name)
    output.line(`${label} has a new key: ${pair.recipient}`)
    output.line(
      `No ${FILE} from before can be read any more, and a push that holds one fails when it is needed.`,
    )
    output.line(`Encrypt it anew with ${ENCRYPT}, commit and push.`)
  },
}

const decrypt: Command = {
  name: 'registry:decrypt',
  summary: `Decrypt the ${FILE} of what is deployed, or a file of yours`,
  usage: '[FILE]',
  words: { most: 1 },
  scope: 'app',
  action: 'registry:read',
  async run({ gateway, stdin, app, authorised, words, output }) {
    if (words[0] !== undefined && words[0] !== '-') {
      throw usage(
        decrypt,
        'Only the CLI can read a file of yours. Over plain ssh, write `registry:decrypt - < FILE`.',
      )
    }
    const bytes = words[0] === '-' ? await wholeBytes(stdin, MAX_DOCKERCFG) : await deployedFile(gateway, app)
    authorised()
    const keys = gateway.ground.store.registryKeys.of(app.id)
    const json = await gateway.credentialFiles.decrypt(bytes, keys, formatAppName(app.name))
    output.raw(json.endsWith('\n') ? json : `${json}\n`)
  },
}

const encrypt: Command = {
  name: 'registry:encrypt',
  summary: `Encrypt a file of credentials on your machine, to be committed as ${FILE}`,
  usage: `FILE > ${FILE}`,
  options: {
    key: { type: 'string', value: 'KEY', help: 'for this public key, without asking the gateway for one' },
    app: { type: 'string', value: 'APP', help: 'the app: APP or ENVIRONMENT/APP' },
    environment: { type: 'string', value: 'ENV', help: 'the environment' },
  },
  scope: 'gateway',
  action: 'self:manage',
  async run() {
    throw new Problem('usage', {
      headline: 'Files are encrypted on your machine, so that what is in them is sent nowhere',
      saw: 'This command was sent to the gateway.',
      hint: `Use the companion CLI: ${ENCRYPT}. Or use age itself: \`age -a -r KEY FILE > ${FILE}\` with the KEY that \`registry:key\` prints.`,
    })
  },
}

export const keyCommands: readonly Command[] = [key, encrypt, decrypt, rotate]

async function makeFirst({ gateway, actor, app, authorised }: AppCall): Promise<void> {
  const { registryKeys } = gateway.ground.store
  const pair = await gateway.credentialFiles.makeKeyPair()
  authorised()
  // Somebody else may have asked in the meantime: what they were given stays.
  if (registryKeys.of(app.id).current === null) registryKeys.replace(app.id, pair, actor.member.name)
}

function recipient({ gateway, app }: AppCall): string {
  const { current } = gateway.ground.store.registryKeys.of(app.id)
  if (current === null) throw new Error(`app ${app.id} was given a key and has none`)
  return current.recipient
}

/** @throws Problem `not-found`, `dockercfg-invalid` */
async function deployedFile({ ground }: Gateway, app: App): Promise<Buffer> {
  const commit = await commitInForce(ground, app)
  const bytes = await commit?.read(FILE, MAX_DOCKERCFG).catch(error => {
    if (error instanceof TooLarge) throw tooLarge(error)
    throw error
  })
  if (commit && bytes) return bytes
  throw new Problem('not-found', {
    headline: `There is no ${FILE} to decrypt`,
    saw: commit
      ? `The commit ${commit.id.slice(0, 12)} of ${formatAppName(app.name)} has none at its root.`
      : `Nothing was pushed to ${formatAppName(app.name)} yet.`,
    hint: `Make one with ${ENCRYPT}, or decrypt a file of yours with \`fairlead registry:decrypt FILE\`.`,
  })
}

function tooLarge({ size, limit }: TooLarge): Problem {
  return new Problem('dockercfg-invalid', {
    headline: `${FILE} is too large to be a file of credentials`,
    saw: `${size} bytes; at most ${limit} are read.`,
    hint: `Check what was committed as ${FILE}; ${ENCRYPT} makes it anew.`,
  })
}
