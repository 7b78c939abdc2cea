// The protobuf wire format, as much of it as BuildKit's status and session messages need: varints and byte strings.
// Unknown fields are handed over like known ones, so a newer engine that says more does not disturb.

/** One field of a message. Fixed-width fields, which none of our messages has, are passed over. */
export interface Field {
  readonly number: number
  readonly value: number | Buffer
}

/** @throws RangeError when the message is cut short or holds something that is no field */
export function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0

  function varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(at++)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  while (at < message.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    switch (key % 8) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        at += 8
        break
      case 2: {
        const length = varint()
        if (at + length > message.length) throw new RangeError(`field ${number} is cut short`)
        yield { number, value: message.subarray(at, at + length) }
        at += length
        break
      }
      case 5:
        at += 4
        break
      default:
        throw new RangeError(`field ${number} has the unknown wire type ${key % 8}`)
    }
  }
}

/** A message of string fields, by number; empty ones are left out as proto3 does. */
export function encodeStrings(fields: Readonly<Record<number, string>>): Buffer {
  return Buffer.concat(
    Object.entries(fields)
      .filter(([, text]) => text !== '')
      .flatMap(([number, text]) => {
        const bytes = Buffer.from(text)
        return [encodeVarint(Number(number) * 8 + 2), encodeVarint(bytes.length), bytes]
      }),
  )
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}
