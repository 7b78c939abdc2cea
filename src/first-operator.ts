// Somebody has to be let in first: while no operator has a key, the keys that the settings name become one's.
import { readFileSync } from 'node:fs'
import { parseHandle } from './domain/app.ts'
import type { Log } from './domain/log.ts'
import { Problem } from './domain/problem.ts'
import { type PublicKey, parseAuthorizedKeys } from './ssh/public-key.ts'
import type { Store } from './store/store.ts'

const NAME = parseHandle('operator', 'member')

/** @throws Problem `settings-invalid` for a file whose keys cannot be read */
export function welcomeFirstOperator(store: Store, files: readonly string[], log: Log): void {
  const hasKey = store.members.operators().some(({ id }) => store.keys.list(id).length > 0)
  if (hasKey) return
  const keys = new Map(files.flatMap(file => readKeys(file).map(key => [key.fingerprint, key])))
  if (keys.size === 0) {
    log.warn(
      {},
      'nobody can log in: no operator has a key. Set FAIRLEAD_OPERATOR_KEYS to an authorized_keys file',
    )
    return
  }
  store.transaction(() => {
    const operator = store.members.byName(NAME) ?? store.members.create(NAME, true)
    for (const key of keys.values()) store.keys.add(operator.id, key)
  })
  log.info({ member: NAME, keys: [...keys.keys()] }, 'the first operator was made')
}

function readKeys(file: string): PublicKey[] {
  try {
    return parseAuthorizedKeys(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new Problem('settings-invalid', {
      headline: `The operator's keys in ${file} cannot be read`,
      saw: cause instanceof Problem ? `${cause.headline}. ${cause.hint}` : (cause as Error).message,
      hint: 'Set FAIRLEAD_OPERATOR_KEYS to a file in authorized_keys format.',
      cause,
    })
  }
}
