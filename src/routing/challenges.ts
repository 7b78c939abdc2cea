// Answers for a certificate authority that wants to see that a hostname is ours.

import { planMap } from './commands.ts'
import { lines, prepareDirectory, type RouterFiles, readIfThere, replaceFile } from './files.ts'
import type { Instance } from './instance.ts'
import { readMap } from './readings.ts'
import type { Routes } from './routes.ts'

export interface Challenges {
  answer(token: string, answer: string, signal: AbortSignal): Promise<void>
  forget(token: string, signal: AbortSignal): Promise<void>
}

const PLAIN = /^[A-Za-z0-9_.-]{1,512}$/

export function createChallenges(files: RouterFiles, instance: Instance, routes: Routes): Challenges {
  const { runtime } = instance
  const change = async (edit: (entries: Map<string, string>) => void, signal: AbortSignal) => {
    await prepareDirectory(files)
    const wanted = entriesOf(await readIfThere(files.challenges))
    edit(wanted)
    await replaceFile(files.challenges, lines([...wanted].map(([token, answer]) => `${token} ${answer}`)))
    await routes.ready(signal)
    const now = readMap(await runtime.ask('worker', ['show', 'map', files.challenges], signal))
    const { gone, put } = planMap(files.challenges, now, wanted)
    await runtime.tell('worker', [...gone, ...put], signal)
  }
  return {
    answer: async (token, answer, signal) => {
      if (!PLAIN.test(token) || !PLAIN.test(answer)) throw new TypeError('a challenge is of [A-Za-z0-9_.-]')
      await change(entries => entries.set(token, answer), signal)
    },
    forget: async (token, signal) => {
      const entries = entriesOf(await readIfThere(files.challenges))
      if (!entries.has(token)) return
      await change(each => each.delete(token), signal)
    },
  }
}

function entriesOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(\S+) (\S+)$/gm)].map(([, token = '', answer = '']) => [token, answer]))
}
