// The engine itself fails: it is restarted or killed with all its containers while something is done, and its disk is
// full. An engine of the test's own, since what is done to it is done to all that use it.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { DOINGS, faultGround } from '../support/fault-ground.ts'
import { ALL, type Fault } from '../support/fault-steps.ts'
import { type OwnEngine, startOwnEngine } from '../support/own-engine.ts'
import { problemCode } from '../support/pushed.ts'

const ENDS = {
  restarted: async (engine: OwnEngine) => engine.stop(),
  killed: (engine: OwnEngine) => engine.kill(),
}

for (const [who, how, alsoGateway] of [
  ['the engine is', 'restarted', false],
  ['the engine is', 'killed', false],
  ['the engine and the gateway are', 'killed', true],
] as const) {
  for (const doing of ALL ? DOINGS : alsoGateway ? [] : (['deploy'] as const)) {
    test.serial(
      `${who} ${how} at any step of ${doing}: its containers come back, one release serves, and a push works`,
      async t => {
        t.timeout(3_600_000)
        const engine = startOwnEngine()
        t.teardown(() => engine.remove())
        const ground = await faultGround({ socket: engine.socket })
        t.teardown(() => ground.dispose())
        const app = await ground.serving(t)
        await ENDS[how](engine)
        engine.start()
        await ground.sound(t, app, `the engine was ${how} while nothing was done`)

        const fault: Fault = {
          name: `${who} ${how}`,
          when: 'asked',
          async strike(held, answered) {
            if (alsoGateway) await ground.gateway.crash()
            await ENDS[how](engine)
            held.release()
            engine.start()
            await answered
            if (alsoGateway) await ground.gateway.restart()
          },
        }
        await ground.strikeEach(t, app, doing, fault, 1)
      },
    )
  }
}

test.serial(
  'a build that fills the disk of the engine fails with a reason; what it leaves goes, and a push works',
  async t => {
    // An engine starts, and three deploys come after each other in silence, which a busy machine takes minutes for.
    t.timeout(600_000)
    const engine = startOwnEngine('96m')
    t.teardown(() => engine.remove())
    const ground = await faultGround({ socket: engine.socket, cache: '0B' })
    t.teardown(() => ground.dispose())
    const app = await ground.serving(t)
    const large = join(app.directory, 'www/large')
    // Nothing for git, which makes it small, and all of its size for the engine.
    writeFileSync(large, Buffer.alloc(120 << 20))
    const push = await app.push()
    t.not(push.status, 0)
    t.is(problemCode(push), 'engine-disk-full', push.all)
    await ground.sound(t, app, 'the disk of the engine was full')
    rmSync(large)
    // Its build cache has kept what did arrive, and nobody but the gateway takes that away.
    await ground.worksAgain(t, app, 'the disk of the engine was full')
  },
)
