// One engine per stack, made when it is first asked for and made anew when the stack's file has changed.
import type { Engine } from '../domain/engine.ts'
import type { Stack } from '../domain/stack.ts'
import { dockerEngine } from './docker/engine.ts'

export interface Engines {
  of(stack: Stack): { stack: Stack; engine: Engine }
}

export function createEngines(gatewayId: string): Engines {
  const made = new Map<string, { stack: Stack; engine: Engine }>()
  return {
    of(stack) {
      const known = made.get(stack.name)
      // Stacks are immutable: an edited file is read as another object.
      if (known?.stack === stack) return known
      const fresh = { stack, engine: dockerEngine({ stack, gatewayId }) }
      made.set(stack.name, fresh)
      return fresh
    },
  }
}
