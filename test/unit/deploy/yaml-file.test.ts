import test from 'ava'
import { readYamlFile } from '../../../src/deploy/yaml-file.ts'

const KIND = { file: 'x.yml', code: 'fairlead-yml-invalid', hint: 'Write it right.' } as const
const read = (text: string) => readYamlFile(Buffer.from(text), KIND)

test('the keys come in their order, with their lines and plain values', t => {
  const { keys, file } = read('# x\nb: [1, {c: d}]\n\na:\n"":\n')
  t.is(file, 'x.yml')
  t.deepEqual(
    keys.map(key => [key.name, key.line, key.value()]),
    [
      ['b', 2, [1, { c: 'd' }]],
      ['a', 4, null],
      ['', 5, null],
    ],
  )
})

test('whatever stands below a key has its line, and what is missing that of the nearest above', t => {
  const [key] = read('a:\n  - x: 1\n    y:\n      z: 2\n  - 5\n').keys
  const line = (...path: PropertyKey[]) => key?.lineAt(path)
  t.is(line(), 1)
  t.is(line(0), 2)
  t.is(line(0, 'x'), 2)
  t.is(line(0, 'y', 'z'), 4)
  t.is(line(1), 5)
  t.is(line(1, 'x'), 5)
  t.is(line(7, 'x'), 1)
  t.is(line(0, 'w', 'x'), 2)
})

test('a line is refused with its place and its text, or with other words', t => {
  const yml = read('a: 1\nb: \u0007 2  \n')
  t.like(yml.refuse(2, 'no'), {
    code: 'fairlead-yml-invalid',
    headline: 'x.yml:2: no',
    saw: 'b: \\u{7} 2',
    hint: 'Write it right.',
  })
  t.like(yml.refuse(1, 'no', { saw: 'seen', hint: 'Do.' }), { saw: 'seen', hint: 'Do.' })
  t.is(yml.textOf(1), 'a: 1')
  t.is(yml.textOf(99), '')
})
