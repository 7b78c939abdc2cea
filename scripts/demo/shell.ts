// Types the demo's commands as a newcomer would: each is printed, then really run, with its output as it comes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { quoteWord } from '../../src/domain/words.ts'

const CLI = fileURLToPath(new URL('../../src/cli/fairlead.js', import.meta.url))

export interface ShellOptions {
  readonly directory: string
  readonly key: string
  readonly url: string
  readonly stopped: AbortSignal
}

export function shell({ directory, key, url, stopped }: ShellOptions) {
  let cwd = directory
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'fairlead'),
    `#!/bin/sh\nexec ${quoteWord(process.execPath)} ${quoteWord(CLI)} "$@"\n`,
  )
  chmodSync(join(bin, 'fairlead'), 0o755)

  const own = {
    FAIRLEAD_REMOTE: '',
    GIT_SSH_COMMAND: `ssh -F none -i ${quoteWord(key)} -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR -o UserKnownHostsFile=${quoteWord(join(directory, 'known_hosts'))}`,
    GIT_AUTHOR_NAME: 'Demo',
    GIT_AUTHOR_EMAIL: 'demo@example.com',
    GIT_COMMITTER_NAME: 'Demo',
    GIT_COMMITTER_EMAIL: 'demo@example.com',
  }
  const exported = Object.entries(own).map(([name, value]) => `export ${name}=${quoteWord(value)}\n`)
  writeFileSync(join(directory, 'environment'), `${exported.join('')}export PATH=${quoteWord(bin)}:"$PATH"\n`)
  const environment = { ...process.env, ...own, PATH: `${bin}:${process.env.PATH}` }

  /** Before the first remote is there, the CLI is told where the gateway is. */
  const environmentHere = () => ({
    ...environment,
    FAIRLEAD_REMOTE: cwd === directory || !hasRemote ? url : '',
  })
  let hasRemote = false

  async function execute(file: string, words: readonly string[], show: boolean): Promise<string> {
    const child = spawn(file, words, { cwd, env: environmentHere(), stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const take = (stream: NodeJS.WriteStream) => (chunk: Buffer) => {
      output += chunk
      if (show) stream.write(chunk)
    }
    child.stdout.on('data', take(process.stdout))
    child.stderr.on('data', take(process.stderr))
    const [status] = await once(child, 'close')
    if (status !== 0)
      throw new Error(`${file} ${words[0]} ended with status ${status}${show ? '' : `:\n${output}`}`)
    return output
  }

  /** As curl and browsers do it: they take every name below localhost for this machine, which not every resolver does. */
  async function showPage(page: string, host: string, port: number): Promise<void> {
    process.stdout.write(`$ curl ${page}\n`)
    const asked = get({ host, port, headers: { host: new URL(page).host }, agent: false, signal: stopped })
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    if (answer.statusCode !== 200) throw new Error(`${page} answered ${answer.statusCode}`)
    process.stdout.write(await text(answer))
  }

  return {
    checkout: (app: string) => join(directory, app),
    enter(app: string): void {
      cwd = join(directory, app)
      hasRemote = false
      mkdirSync(cwd)
      process.stdout.write(`$ mkdir ${app} && cd ${app}\n`)
    },
    write(file: string, content: string): void {
      writeFileSync(join(cwd, file), content)
      if (!content.trimEnd().includes('\n'))
        process.stdout.write(`$ echo ${quoteWord(content.trimEnd())} > ${file}\n`)
    },
    async run(file: string, ...words: string[]): Promise<void> {
      stopped.throwIfAborted()
      process.stdout.write(`$ ${[file, ...words].map(hideValue).join(' ')}\n`)
      await execute(file, words, true)
      if (words[0] === 'remote') hasRemote = true
    },
    quietly: (file: string, ...words: string[]) => execute(file, words, false),
    async apps(): Promise<string[]> {
      const listed = await execute('fairlead', ['apps', '--json'], false)
      return JSON.parse(listed).map((row: { app: string }) => row.app)
    },
    /** At the container's own address, which this machine reaches. */
    async fetchPage(): Promise<void> {
      const rows: { process: string; address: string; state: string }[] = JSON.parse(
        await execute('fairlead', ['ps', '--json'], false),
      )
      const web = rows.find(row => row.process === 'web.1' && row.state === 'running')
      if (web === undefined) throw new Error('web.1 does not run')
      await showPage(`http://${web.address}:5000/`, web.address, 5000)
    },
    /** By its name, through the router. */
    fetchNamed: (hostname: string, port: number) =>
      showPage(`http://${hostname}:${port}/`, '127.0.0.1', port),
  }
}

function hideValue(word: string): string {
  return /^[A-Z_]+PASSWORD=/.test(word) ? word.replace(/=.*/, '=[password]') : quoteWord(word)
}
