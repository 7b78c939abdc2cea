import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { complete, completionScript } from '../../../src/cli/completion.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { fakeGateway } from '../../support/fake-gateway.ts'

const names = async () => 'apps\napps:create\nconfig\nconfig:get\nconfig:set\nps\n'
const LAUNCHER = new URL('../../../src/cli/fairlead.js', import.meta.url).pathname

test('the first word is a command of the gateway, or one of our own', async t => {
  t.deepEqual(await complete(['config:'], names), ['config:get', 'config:set'])
  t.deepEqual(await complete(['com'], names), ['completion'])
  t.deepEqual(await complete(['registry:'], names), ['registry:encrypt'])
  t.true((await complete([''], names)).includes('ps'))
  t.true((await complete([], names)).includes('ps'))
})

test('help completes commands, other words nothing', async t => {
  t.deepEqual(await complete(['help', 'p'], names), ['ps'])
  t.deepEqual(await complete(['ps', 'p'], names), [])
})

test('options are completed anywhere, without asking the gateway', async t => {
  const never = () => Promise.reject(new Error('asked'))
  t.deepEqual(await complete(['ps', '--a'], never), ['--app'])
})

test('there is a script for bash and one for zsh, and no other', t => {
  t.regex(completionScript('bash'), /complete .*-F _fairlead fairlead/)
  t.regex(completionScript('zsh'), /compdef _fairlead fairlead/)
  t.is(t.throws(() => completionScript('fish'), { instanceOf: Problem })?.code, 'usage')
})

test('bash completes a command with a colon, as bash splits it', async t => {
  const gateway = await fakeGateway(({ command }) => ({
    stdout: command === 'help --names' ? 'apps\nconfig:get\nconfig:set\n' : '',
    status: 0,
  }))
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-completion-'))
  t.teardown(async () => {
    rmSync(directory, { recursive: true })
    await gateway.close()
  })
  writeFileSync(join(directory, 'fairlead'), `#!/bin/sh\nexec '${process.execPath}' '${LAUNCHER}' "$@"\n`, {
    mode: 0o755,
  })
  const line = 'fairlead config:s'
  const script = `${completionScript('bash')}
COMP_LINE='${line}' COMP_POINT=${line.length}; _fairlead; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script], {
    cwd: directory,
    env: {
      PATH: `${directory}:${process.env.PATH}`,
      HOME: directory,
      GIT_SSH_COMMAND: gateway.sshCommand,
      FAIRLEAD_REMOTE: `ssh://git@127.0.0.1:${gateway.port}`,
    },
  })
  t.is(stdout, 'set\n')
})

test('a gateway that is not there completes nothing and says nothing', t => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-completion-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const output = execFileSync(process.execPath, [LAUNCHER, '__complete', 'p'], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      FAIRLEAD_REMOTE: 'ssh://git@127.0.0.1:1',
      GIT_SSH_COMMAND: 'ssh -F none',
    },
    encoding: 'utf8',
  })
  t.is(output, '')
})
