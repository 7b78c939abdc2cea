// Certificates, put in and taken out while HAProxy runs. It is told first and the file is written then: a file that it
// refused would keep it from starting again.
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Hostname, parseHostname } from '../domain/endpoint.ts'
import { Problem } from '../domain/problem.ts'
import type { Secret } from '../domain/secret.ts'
import { pemLines } from './certificate-files.ts'
import { nextOf, prepareDirectory, type RouterFiles, replaceFile, writeCertificateList } from './files.ts'
import type { Instance } from './instance.ts'
import type { Routes } from './routes.ts'
import { LONGEST_PAYLOAD } from './runtime.ts'

export interface Certificates {
  put(hostname: Hostname, pem: Secret, signal: AbortSignal): Promise<void>
  remove(hostname: Hostname, signal: AbortSignal): Promise<void>
  /** Hostnames that a file with a private key lies there for, one that was not written to its end too. */
  kept(): Promise<readonly Hostname[]>
}

/** @param serves whether anything is served over HTTPS: if not, certificates are only kept */
export function createCertificates(
  files: RouterFiles,
  instance: Instance,
  routes: Routes,
  serves: boolean,
): Certificates {
  const { runtime } = instance
  const pathOf = (hostname: Hostname) => {
    if (parseHostname(hostname) === null) throw new TypeError('a certificate is for a hostname')
    return join(files.certificates, `${hostname}.pem`)
  }
  const known = async (signal: AbortSignal) => {
    const listed = await runtime.ask('worker', ['show', 'ssl', 'cert'], signal)
    const names = listed.split('\n').map(line => line.trim())
    // What an earlier gateway began and did not end: HAProxy takes one at a time.
    const begun = names.filter(name => name.startsWith('*')).map(name => name.slice(1))
    await runtime.tell(
      'worker',
      begun.map(path => ['abort', 'ssl', 'cert', path]),
      signal,
    )
    return new Set(names)
  }
  const inList = async (path: string, signal: AbortSignal) => {
    const listed = await runtime.ask('worker', ['show', 'ssl', 'crt-list', files.certificateList], signal)
    return listed.split('\n').some(line => line.split(' ')[0] === path)
  }
  const keep = async (path: string, lines: readonly string[]) => {
    await prepareDirectory(files)
    await rm(nextOf(path), { force: true })
    await replaceFile(path, `${lines.join('\n')}\n`)
    await writeCertificateList(files)
  }

  const listFiles = async () => {
    try {
      return await readdir(files.certificates)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }
  const kept = async () => {
    const names = (await listFiles()).flatMap(name => {
      const [, hostname] = /^(.*)\.pem(?:\.next)?$/.exec(name) ?? []
      return hostname === undefined ? [] : (parseHostname(hostname) ?? [])
    })
    return [...new Set(names)]
  }

  return {
    kept,
    put: async (hostname, pem, signal) => {
      const path = pathOf(hostname)
      const lines = pemLines(hostname, pem)
      if (!serves) return await keep(path, lines)
      await routes.ready(signal)
      if (lines.join('\n').length > LONGEST_PAYLOAD) {
        await keep(path, lines)
        return await routes.reload(signal)
      }
      if (!(await known(signal)).has(path))
        await runtime.tell('worker', [['new', 'ssl', 'cert', path]], signal)
      await runtime.hand(['set', 'ssl', 'cert', path], lines, signal)
      await runtime.tell('worker', [['commit', 'ssl', 'cert', path]], signal)
      if (!(await inList(path, signal))) {
        await runtime.hand(['add', 'ssl', 'crt-list', files.certificateList], [`${path} ${hostname}`], signal)
      }
      await keep(path, lines)
      if (!(await inList(path, signal))) throw notTaken(hostname)
    },
    remove: async (hostname, signal) => {
      const path = pathOf(hostname)
      if (!(await kept()).includes(hostname)) return
      for (const file of [path, nextOf(path)]) await rm(file, { force: true })
      await writeCertificateList(files)
      if (!serves || (await instance.running(signal)) === null) return
      if (await inList(path, signal)) {
        await runtime.tell('worker', [['del', 'ssl', 'crt-list', files.certificateList, path]], signal)
      }
      if ((await known(signal)).has(path))
        await runtime.tell('worker', [['del', 'ssl', 'cert', path]], signal)
    },
  }
}

function notTaken(hostname: string): Problem {
  return new Problem('router-failed', {
    headline: `HAProxy does not use the certificate for ${hostname}`,
    saw: 'It is not in its list after it was added.',
    hint: 'Try again. When it stays so, restart HAProxy: the gateway starts it again with all certificates.',
  })
}
