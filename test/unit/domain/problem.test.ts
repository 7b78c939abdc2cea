// How a Problem reads, and that the table of codes holds what there is: no more in the sources, no less in the README.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { PROBLEM_CODES, Problem, problemLines } from '../../../src/domain/problem.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

test('a Problem answers four questions, and lines of one answer stand below each other', t => {
  const problem = new Problem('build-failed', {
    headline: 'A step failed',
    saw: 'first\nsecond',
    runs: 'Release v1, as before.',
    hint: 'Mend it.',
  })
  t.deepEqual(problemLines(problem), [
    ' !     A step failed (build-failed)',
    '       What we saw:   first',
    '                      second',
    '       What runs now: Release v1, as before.',
    '       What to do:    Mend it.',
  ])
})

test('a question without an answer is left out', t => {
  t.deepEqual(problemLines(new Problem('usage', { headline: 'No', hint: 'Yes.' })), [
    ' !     No (usage)',
    '       What to do:    Yes.',
  ])
})

test('surroundings add what is not known yet, and change nothing that is', t => {
  const cause = new Error('x')
  const problem = new Problem('usage', { headline: 'No', hint: 'Yes.', phase: 'image', cause })
  const within = problem.within({ phase: 'start', runs: 'Nothing.' })
  t.is(within.phase, 'image')
  t.is(within.runs, 'Nothing.')
  t.is(within.cause, cause)
  t.is(within.within({ runs: 'Something.' }).runs, 'Nothing.')
})

test('every code is used somewhere in the sources', t => {
  const sources = globSync('src/**/*.ts', { cwd: ROOT })
    .filter(path => path !== join('src', 'domain', 'problem.ts'))
    .map(path => readFileSync(join(ROOT, path), 'utf8'))
    .join('\n')
  // `authorise` writes both from what it looked for.
  const built = ['app-not-found', 'environment-not-found'].filter(() => sources.includes('}-not-found`'))
  const dead = Object.keys(PROBLEM_CODES).filter(
    code => !sources.includes(`'${code}'`) && !built.includes(code),
  )
  t.deepEqual(dead, [])
})

test('the table of the README names every code, and no other', t => {
  const [, chapter = ''] = readFileSync(join(ROOT, 'README.md'), 'utf8').split(/^## Problems$/m)
  const rows = chapter.split(/^## /m, 1)[0]?.matchAll(/^\| `([a-z-]+)` \|/gm) ?? []
  const named = [...rows].map(([, code]) => code)
  t.deepEqual(named.toSorted(), Object.keys(PROBLEM_CODES).toSorted())
})
