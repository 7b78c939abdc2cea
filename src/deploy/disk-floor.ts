// A build that fills the engine's disk takes every app on it down: it is not begun where little is left.
import type { Engine } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import { formatSize } from '../domain/quantity.ts'
import type { Stack } from '../domain/stack.ts'

/** Says nothing where the space cannot be known. @throws Problem `engine-disk-full` */
export async function checkDiskFloor(
  { name, build: { floor } }: Pick<Stack, 'name' | 'build'>,
  engine: Pick<Engine, 'diskSpace'>,
  signal: AbortSignal,
): Promise<void> {
  if (floor === 0) return
  const space = await engine.diskSpace(signal)
  if (space === null || space.free >= floor) return
  throw new Problem('engine-disk-full', {
    headline: `There is too little space left on the engine of the stack ${name} for a build`,
    saw: `${formatSize(space.free)} are free in ${space.directory}; a build wants ${formatSize(floor)} (build.floor).`,
    hint: 'Ask an operator to free space there (`docker system df` shows what takes it; build.cache in the stack file bounds what builds leave), or to lower build.floor. `fairlead rollback` needs no space and works all the same.',
  })
}
