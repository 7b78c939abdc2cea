// Files of this machine, as bytes: what is in them is nobody's business here.
import { readFileSync } from 'node:fs'
import { Problem } from '../domain/problem.ts'
import type { LocalFile } from './arguments.ts'

const FORMATS: Readonly<Record<string, string>> = {
  '--env-file': 'Give --env-file the path of a file with lines NAME=value.',
  '--value-file': 'Give --value-file the path of the file whose contents are the value.',
  '--tls': 'Give --tls off, internal, acme, or the path of a PEM file with a certificate and its key.',
  'registry:import':
    'Give `fairlead registry:import` the path of a config.json, .dockercfg or docker.tar.gz.',
  'registry:decrypt': 'Give `fairlead registry:decrypt` the path of a dockercfg.encrypted.',
  'registry:encrypt': 'Give `fairlead registry:encrypt` the path of a config.json or .dockercfg.',
}

/** @throws Problem `usage` */
export function readLocalFile({ path, wantedBy }: LocalFile): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new Problem('usage', {
      headline: `The file ${JSON.stringify(path)} cannot be read`,
      saw: cause instanceof Error ? cause.message : String(cause),
      hint: FORMATS[wantedBy] ?? 'Give the path of a file.',
      cause,
    })
  }
}
