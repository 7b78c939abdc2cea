#!/usr/bin/env -S node --
// Finds a Node that runs TypeScript, 24 or newer: this one, else the one among the dependencies. Plain JavaScript,
// because any Node may be the one that starts it. The `--` keeps Node itself from reading our `--env-file`.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import module from 'node:module'
import { constants, homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Hides the words, which may hold config values, from other users' `ps`.
process.title = 'fairlead'

const program = new URL('./fairlead.ts', import.meta.url)
const pinned = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))

if (Number.parseInt(process.versions.node, 10) >= 24) {
  // Keeps what became of the TypeScript, which halves the time to start. Never in a directory that others write to.
  module.enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairlead'))
  await import(program.href)
} else if (existsSync(pinned) && realpathSync(pinned) !== process.execPath) {
  let child
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child = spawn(pinned, ['--', fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
} else {
  process.stderr.write(
    `fairlead needs Node 24 or newer, and this is ${process.version}. Run \`npm ci\` in its checkout, which brings one.\n`,
  )
  process.exit(1)
}
