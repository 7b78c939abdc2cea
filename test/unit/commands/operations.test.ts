// operation:follow and operation:cancel as they are typed: who may, what is answered, and the exit status.
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { refused, registryBench, said } from './registry-bench.ts'

async function bench(t: Parameters<typeof registryBench>[0]) {
  const made = await registryBench(t)
  const [ann, ben] = [made.member('ann', 'observe'), made.member('ben', 'deploy')]
  /** An operation of ben's that runs until it is cancelled or told to end. */
  async function start() {
    const begun = Promise.withResolvers<void>()
    const over = Promise.withResolvers<void>()
    const request = {
      kind: 'deploy',
      subject: '',
      actor: ben.actor,
      say: () => {},
      signal: new AbortController().signal,
    } as const
    const running = made.operations.run(made.app, request, async ({ transcript, signal }) => {
      transcript.line('it runs')
      begun.resolve()
      signal.addEventListener('abort', () => over.reject(signal.reason))
      await over.promise
    })
    running.catch(() => {})
    await begun.promise
    return { end: over.resolve, fail: over.reject, running }
  }
  return { ...made, ann, ben, start }
}

const notThere = (word: string) =>
  refused(
    ` !     There is no operation ${word} (not-found)`,
    '       What to do:    `fairlead operations` lists them with their numbers.',
  )

test('follow prints the newest operation, or the one of that number, and ends as it did', async t => {
  const { run, ann, start } = await bench(t)
  const one = await start()
  const [newest, first] = [run(ann, ['operation:follow']), run(ann, ['operation:follow', '1'])]
  one.end()
  const heard = { status: 0, out: 'it runs\n' }
  t.like(await newest, heard)
  t.like(await first, heard)

  const two = await start()
  const watching = run(ann, ['operation:follow'])
  two.fail(new Problem('build-failed', { headline: 'No', hint: 'Yes.' }))
  const failed = await watching
  t.is(failed.status, 1)
  t.regex(failed.out, /^it runs\n ! {5}No \(build-failed\)\n/)
  t.is((await run(ann, ['operation:follow', '1'])).status, 0)
})

test('there is nothing to follow or cancel where nothing was asked, and no such number elsewhere', async t => {
  const { run, ann, ben, app } = await bench(t)
  const name = ['--app', `${app.name.environment}/${app.name.app}`]
  t.deepEqual(
    await run(ann, ['operation:follow', ...name]),
    refused(
      ' !     Nothing was asked of this app yet, so there is nothing to follow (not-found)',
      '       What to do:    `git push` makes the first operation.',
    ),
  )
  for (const word of ['1', '0', 'x', '1e0', '99999999999']) {
    t.deepEqual(await run(ann, ['operation:follow', word, ...name]), notThere(`"${word}"`))
    t.deepEqual(await run(ben, ['operation:cancel', word, ...name]), notThere(`"${word}"`))
  }
})

test('who may only look may not cancel', async t => {
  const { run, ann, ben, start, store, app } = await bench(t)
  const one = await start()
  const { status, err } = await run(ann, ['operation:cancel', '1'])
  t.is(status, 1)
  t.regex(err, /You may not do this in my-env\/my-app: it needs the role deploy \(forbidden\)/)
  t.is(store.operations.byNumber(app.id, 1)?.state, 'running')
  const name = ['--app', 'my-env/my-app']
  t.deepEqual(await run(ben, ['operation:cancel', '1', ...name]), said('Operation #1 was cancelled.\n'))
  await t.throwsAsync(one.running)
  t.deepEqual(
    await run(ben, ['operation:cancel', '1', ...name]),
    said('Operation #1 was cancelled already.\n'),
  )
})
