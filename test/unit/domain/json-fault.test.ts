import test from 'ava'
import fc from 'fast-check'
import { findJsonFault } from '../../../src/domain/json-fault.ts'

function accepts(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const PIECES = [
  ...['{', '}', '[', ']', ',', ':', ' ', '\n', '"', '\\', '"a"', '"\\n"', '"\\u00e9"', '"\\u00g0"', '"\\x"'],
  ...['1', '0', '-', '01', '-0.5e+7', '1.', 'true', 'null', 'nul', '\t', '\u0001', '\u00a0', 'é', '/*'],
]

test('it finds a fault in exactly the texts that JSON.parse refuses', t => {
  const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map(all => all.join(''))
  const broken = fc.tuple(fc.json(), fc.nat(), fc.constantFrom('', ...PIECES)).map(([json, at, piece]) => {
    const place = at % (json.length + 1)
    return json.slice(0, place) + piece + json.slice(place + 1)
  })
  fc.assert(
    fc.property(fc.oneof(pieces, broken, fc.json(), fc.string()), text => {
      t.is(findJsonFault(text) === null, accepts(text), text)
    }),
    { numRuns: 3000 },
  )
})

for (const [text, line, column, what] of [
  ['', 1, 1, 'there is no text'],
  [' \n ', 2, 2, 'there is no text'],
  ['{"a": {', 1, 8, 'the text ends before it is complete'],
  ['{\n  "a": 1,\n}', 3, 1, 'a name in double quotes should stand there, as behind every comma in an object'],
  ['{\r\n  a: 1}', 2, 3, "a name in double quotes or the closing '}' should stand there"],
  ['{"é𝒳": \'x\'}', 1, 8, 'a value should stand there: text in double quotes, a number, an object or a list'],
  ['{"a" 1}', 1, 6, "a ':' should stand there, between the name and its value"],
  ['["a" "b"]', 1, 6, 'a comma or the closing bracket should stand there'],
  ['[}', 1, 2, "a value or the closing ']' should stand there"],
  ['{"a":1}}', 1, 8, 'the text goes on behind its end'],
  ['["a\n"]', 1, 4, 'a text in quotes holds a line break or another control character; is it closed?'],
  ['["\\q"]', 1, 4, 'the backslash before it begins no escape that JSON knows'],
  ['["abc', 1, 2, 'the text in quotes that begins there is never closed'],
] as const) {
  test(`the place and the kind of fault: ${JSON.stringify(text)}`, t => {
    t.deepEqual(findJsonFault(text), { line, column, what })
  })
}

test('a hundred thousand brackets cost no stack', t => {
  t.is(findJsonFault('['.repeat(100_000))?.column, 100_001)
})
