// An engine that hangs takes a request and never answers it: an app's turn would be held by it for as long. What any
// engine answers within seconds is waited for two minutes. What takes as long as it takes (pulls, builds, pushes, logs,
// exits) is not bounded here: whoever waits for it sees how it goes on, and can cancel.
import type { Engine } from '../../domain/engine.ts'
import { untilAborted } from '../../domain/until-aborted.ts'
import { silent } from './translate.ts'

/** Milliseconds. */
const PATIENCE = 120_000

export function withPatience(engine: Engine, stack: string, patience = PATIENCE): Engine {
  function bound<Rest extends unknown[], T>(
    doing: string,
    call: (...args: [...Rest, AbortSignal]) => Promise<T>,
    more: (...rest: Rest) => number = () => 0,
  ): (...args: [...Rest, AbortSignal]) => Promise<T> {
    return async (...args) => {
      const rest = args.slice(0, -1) as Rest
      const signal = args.at(-1) as AbortSignal
      signal.throwIfAborted()
      const within = patience + more(...rest)
      const until = new AbortController()
      const leave = () => until.abort(signal.reason)
      const timer = setTimeout(() => until.abort(silent(doing, within, stack)), within)
      signal.addEventListener('abort', leave, { once: true })
      try {
        return await untilAborted(call(...rest, until.signal), until.signal)
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', leave)
      }
    }
  }

  return {
    ...engine,
    facts: bound('tell what it is', engine.facts),
    diskSpace: bound('tell where it keeps images', engine.diskSpace),
    now: bound('tell the time', engine.now),
    findImage: bound('look at an image', engine.findImage),
    removeTag: bound('remove a tag', engine.removeTag),
    tags: bound('list images', engine.tags),
    ensureNetwork: bound('make a network', engine.ensureNetwork),
    networks: bound('list networks', engine.networks),
    removeNetwork: bound('remove a network', engine.removeNetwork),
    create: bound('create a container', engine.create),
    start: bound('start a container', engine.start),
    keepRunning: bound('keep a container running', engine.keepRunning),
    inspect: bound('look at a container', engine.inspect),
    condition: bound('look at a container', engine.condition),
    listening: bound('see where a container listens', engine.listening),
    usage: bound('measure a container', engine.usage),
    readFile: bound('read a file in a container', engine.readFile),
    stop: bound('stop a container', engine.stop, (_, graceSeconds) => graceSeconds * 1000),
    remove: bound('remove a container', engine.remove),
    resize: bound('resize a terminal', engine.resize),
    list: bound('list containers', engine.list),
  }
}
