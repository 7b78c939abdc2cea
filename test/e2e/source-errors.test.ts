// What is wrong with a commit, as the pusher reads it: with file and line, and with what goes on running.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { page, processes } from '../support/page.ts'
import { NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

let gateway: TestGateway
let open: TestRegistry
let locked: TestRegistry
/** Live as v1 from the first test on: every other push to it is refused. */
let app: Checkout

const RUNS = 'Release v1 (web, worker), as before.'
const WEB = 'web: exec busybox httpd -f -p "$PORT" -h /www\n'

test.before(async () => {
  ;[open, locked, gateway] = await Promise.all([
    startRegistry({ anonymous: true }),
    startRegistry(),
    startGateway(),
  ])
  await open.push('acme/base', '1')
  await locked.push('acme/base', '1')
  app = await gateway.app({})
})
test.after.always(async () => {
  await gateway?.dispose()
  await Promise.all([open?.stop(), locked?.stop()])
})

/** Pushes exactly these files to the live app. @returns the Problem's lines */
async function refused(t: ExecutionContext, files: Record<string, string>, to = app): Promise<string[]> {
  for (const name of ['Procfile', 'Dockerfile', '.aptible.yml']) {
    rmSync(join(to.directory, name), { force: true })
  }
  const push = await to.push(files)
  t.is(push.status, 1, push.all)
  t.regex(push.stderr, /\[remote rejected\] HEAD -> master/)
  return refusal(push)
}

const dockerfile = () => `FROM ${open.host}/acme/base:1\nCOPY www /www\n`

test.serial('CRLF, a byte order mark, comments and blank lines in a Procfile are accepted', async t => {
  const push = await app.push({
    Dockerfile: dockerfile(),
    'www/index.html': 'one\n',
    Procfile: `\uFEFF# the site\r\n\r\n${WEB.trimEnd()}\r\n// in the background\r\n  worker :  exec sleep 1000 \r\n`,
  })
  t.is(push.status, 0, push.all)
  t.is(await page(gateway, app.name), 'one\n')
  t.deepEqual((await processes(gateway, app.name)).map(row => row.process).sort(), ['web.1', 'worker.1'])
})

const BAD_PROCFILES: [title: string, procfile: string, saw: string[], headline: string, todo: string][] = [
  [
    'a process that is defined twice is refused with both lines',
    `${WEB}worker: sleep 1\nweb: sleep 2\n`,
    ['web: sleep 2'],
    'Procfile:3: web is defined on line 1 already',
    'Give every process its own name.',
  ],
  [
    'a name that cannot be part of a container’s name is refused with one that can',
    'web: sleep 1\nMy_Worker: sleep 1\n',
    ['My_Worker: sleep 1'],
    `Procfile:2: "My_Worker" cannot be the name of a process, since it becomes part of a container's name`,
    "Call it `my-worker`: 1 to 40 of a-z, 0-9 and '-'.",
  ],
  [
    'a name with a path or a shell’s characters in it is refused',
    '../../etc: sleep 1\nweb: sleep 1\n$(id): sleep 1\n',
    [
      '../../etc: sleep 1',
      `Procfile:3: "$(id)" cannot be the name of a process, since it becomes part of a container's name: $(id): sleep 1`,
    ],
    `Procfile:1: "../../etc" cannot be the name of a process, since it becomes part of a container's name`,
    "Use 1 to 40 of a-z, 0-9 and '-', beginning and ending with a letter or digit.",
  ],
  [
    'a line without a colon is refused',
    'web: sleep 1\nbundle exec rake\n',
    ['bundle exec rake'],
    'Procfile:2: the line has no colon',
    'Write it as `name: command`, or begin a comment with `#`.',
  ],
  [
    'a merge conflict is told as one, not as bad lines',
    '<<<<<<< HEAD\nweb: one\n=======\nweb: two\n>>>>>>> theirs\n',
    [
      '<<<<<<< HEAD',
      'Procfile:3: a merge conflict was committed: =======',
      'Procfile:4: web is defined on line 2 already: web: two',
      'Procfile:5: a merge conflict was committed: >>>>>>> theirs',
    ],
    'Procfile:1: a merge conflict was committed',
    'Resolve the conflict: keep the lines you want, delete the `<<<<<<<`, `=======` and `>>>>>>>` lines, commit.',
  ],
]

for (const [title, Procfile, saw, headline, todo] of BAD_PROCFILES) {
  test.serial(title, async t => {
    t.deepEqual(
      await refused(t, { Dockerfile: dockerfile(), Procfile }),
      problemText({ headline: `${headline} (procfile-invalid)`, saw, runs: RUNS, todo }),
    )
  })
}

test.serial('1 MB of Procfile is refused with its size, whether it is lines or one line', async t => {
  for (const Procfile of ['web: sleep 1\n'.repeat(80_000), `web: ${'x'.repeat(1_000_000)}`]) {
    const lines = await refused(t, { Dockerfile: dockerfile(), Procfile })
    t.regex(lines[0] ?? '', /^ ! {5}Procfile is too large.* \(procfile-invalid\)$/)
    t.regex(lines[1] ?? '', new RegExp(`What we saw: {3}${Procfile.length} bytes[,;] `))
    t.is(lines[2], `       What runs now: ${RUNS}`)
    t.regex(lines[3] ?? '', /What to do: {4}\S/)
    t.is(lines.length, 4)
  }
})

test.serial('a commit without Dockerfile in an app without an image has nothing to deploy', async t => {
  t.deepEqual(
    await refused(t, { Procfile: WEB }),
    problemText({
      headline:
        'There is nothing to deploy: the commit has no Dockerfile, and no image is configured (nothing-to-deploy)',
      saw: 'No file named Dockerfile at the root of the repository; APTIBLE_DOCKER_IMAGE is not set.',
      runs: RUNS,
      todo: 'Commit a Dockerfile, or run `fairlead config:set APTIBLE_DOCKER_IMAGE=host/repository:tag`, and push again.',
    }),
  )
})

test.serial('no Procfile and an image without CMD is refused before anything of it is run', async t => {
  const push = async () =>
    refused(t, { Dockerfile: dockerfile(), '.aptible.yml': 'before_release: echo migrating\n' })
  t.deepEqual(
    await push(),
    problemText({
      headline:
        'There is nothing to run for cmd: no Procfile, and the image has no CMD or ENTRYPOINT (no-command)',
      runs: RUNS,
      todo: 'Commit a Procfile with a line such as `web: bundle exec rails s`, or give the image a CMD.',
    }),
  )
  const logs = await gateway.fairlead(['operations', '--app', app.name, '--json'])
  const [last] = JSON.parse(logs.stdout)
  const transcript = await gateway.fairlead(['operation:logs', '--app', app.name, String(last.operation)])
  t.false(transcript.stdout.includes('migrating'), transcript.stdout)
  t.false(transcript.stdout.includes('-----> Release'), transcript.stdout)
})

test.serial('a Dockerfile that does not parse is refused with the line', async t => {
  t.deepEqual(
    await refused(t, { Procfile: WEB, Dockerfile: `${dockerfile()}RUNN make\n` }),
    problemText({
      headline: 'Dockerfile:3: the line begins with no instruction (dockerfile-invalid)',
      saw: 'RUNN make',
      runs: RUNS,
      todo: 'Check the spelling, or end the line above with a backslash if this one continues it.',
    }),
  )
})

test.serial('what only the builder can find wrong with a Dockerfile comes in its words', async t => {
  const lines = await refused(t, { Procfile: WEB, Dockerfile: `${dockerfile()}EXPOSE ninety\n` })
  t.regex(lines[0] ?? '', /\((?:dockerfile-invalid|build-failed)\)$/)
  t.regex(lines.join('\n'), /ninety/)
  t.true(lines.includes(`       What runs now: ${RUNS}`))
})

test.serial('a step that fails is shown with its exit code and its last lines', async t => {
  const run = 'RUN for i in $(seq 30); do echo line $i; done; exit 42'
  const lines = await refused(t, { Procfile: WEB, Dockerfile: `${dockerfile()}${run}\n` })
  t.deepEqual(
    lines,
    problemText({
      headline: `The Dockerfile step [3/3] ${run} failed with exit code 42 (build-failed)`,
      saw: Array.from({ length: 20 }, (_, i) => `line ${i + 11}`),
      runs: RUNS,
      todo: 'Correct the Dockerfile or what it copies, commit and push again. `docker build .` in a fresh clone shows the same.',
    }),
  )
})

test.serial('an .aptible.yml that cannot be read is refused with the line', async t => {
  const lines = await refused(t, {
    Dockerfile: dockerfile(),
    Procfile: WEB,
    '.aptible.yml': 'before_release:\n  - echo one\n  - 7\n',
  })
  t.deepEqual(
    lines,
    problemText({
      headline: '.aptible.yml:3: a command must be text: put quotes around it (aptible-yml-invalid)',
      saw: '  - 7',
      runs: RUNS,
      todo: 'Write `before_release:` and below it one line `  - command` for each command. Commit and push again.',
    }),
  )
})

test.serial('after all that the app serves as before, and a good push goes through', async t => {
  t.is(await page(gateway, app.name), 'one\n')
  rmSync(join(app.directory, '.aptible.yml'), { force: true })
  const push = await app.push({ Dockerfile: dockerfile(), Procfile: WEB, 'www/index.html': 'two\n' })
  t.is(push.status, 0, push.all)
  t.is(await page(gateway, app.name), 'two\n')
})

test.serial('a private FROM without credentials names what to set', async t => {
  const other = await gateway.app({})
  const image = `${locked.host}/acme/base:1`
  const lines = await refused(t, { Procfile: WEB, Dockerfile: `FROM ${image}\n` }, other)
  t.deepEqual(
    lines,
    problemText({
      headline: `${locked.host} wants a login before it shows the image ${image} (registry-login-required)`,
      saw: 'It answered 401 Unauthorized. Repository acme/base was asked for without a login.',
      runs: NO_RELEASE,
      todo: `Store a login with \`fairlead registry:login ${locked.host} --username USER --password-stdin\`, or set APTIBLE_PRIVATE_REGISTRY_HOST=${locked.host}, APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD with \`fairlead config:set\`. Registries answer the same for a repository that does not exist: if acme/base is wrong, correct it with \`fairlead config:set APTIBLE_DOCKER_IMAGE=…\` (or the FROM line of the Dockerfile). \`fairlead registry:explain ${image}\` shows which credential was offered to whom.`,
    }),
  )
})

test.serial(
  'a private FROM with a wrong password names user and variables, and hides the password',
  async t => {
    const other = await gateway.app({})
    const password = 'not the right one'
    await gateway.fairlead([
      'config:set',
      '--app',
      other.name,
      `APTIBLE_PRIVATE_REGISTRY_HOST=${locked.host}`,
      'APTIBLE_PRIVATE_REGISTRY_USERNAME=robot',
      `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${password}`,
    ])
    const image = `${locked.host}/acme/base:1`
    const lines = await refused(
      t,
      { Procfile: WEB, Dockerfile: `FROM ${image}\nRUN echo ${password}\n` },
      other,
    )
    t.deepEqual(
      lines,
      problemText({
        headline: `${locked.host} refuses the login of user robot for the image ${image} (registry-login-failed)`,
        saw: 'It answered 401 Unauthorized. Repository acme/base was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
        runs: NO_RELEASE,
        todo: `Run \`fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…\` with a username and password that \`docker login ${locked.host}\` accepts. \`fairlead registry:explain ${image}\` shows which credential was offered to whom.`,
      }),
    )
  },
)

test.serial(
  'credentials whose HOST was forgotten are named where FROM is at another host than docker.io',
  async t => {
    const other = await gateway.app({})
    await gateway.fairlead([
      'config:set',
      '--app',
      other.name,
      'APTIBLE_PRIVATE_REGISTRY_USERNAME=robot',
      `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${locked.password}`,
    ])
    const image = `${locked.host}/acme/base:1`
    const lines = await refused(t, { Procfile: WEB, Dockerfile: `FROM ${image}\n` }, other)
    t.deepEqual(
      lines,
      problemText({
        headline: `The image ${image} is at ${locked.host}, but APTIBLE_PRIVATE_REGISTRY_HOST is not set (registry-host-unset)`,
        saw: 'Without APTIBLE_PRIVATE_REGISTRY_HOST the username robot and its password are for docker.io. They were sent nowhere.',
        runs: NO_RELEASE,
        todo: `If they are for ${locked.host}, run \`fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=${locked.host}\`. If the image is public, run \`fairlead config:unset APTIBLE_PRIVATE_REGISTRY_USERNAME APTIBLE_PRIVATE_REGISTRY_PASSWORD\`.`,
      }),
    )
    t.false(remoteLines({ stderr: lines.join('\n') }).some(line => line.includes(locked.password)))
  },
)
