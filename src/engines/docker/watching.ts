// What a look into a single container tells: its health, its restarts, and what it uses of the machine.
import type { Condition, HealthRun, Usage } from '../../domain/container.ts'
import type { Engine } from '../../domain/engine.ts'
import { readNdjson } from '../ndjson.ts'
import type { Connection } from './connect.ts'
import { ownContainer } from './own.ts'
import { openStream } from './stream.ts'

export function watching(connection: Connection, gatewayId: string): Pick<Engine, 'condition' | 'usage'> {
  const owner = { gatewayId, stack: connection.stack.name }
  return {
    condition(id, signal) {
      return connection.call(
        `look at container ${id.slice(0, 12)}`,
        async docker => {
          const found = await ownContainer(docker, id, owner, signal)
          return found === null
            ? null
            : {
                health: healthOf(found.State.Health?.Status),
                healthRuns: healthRuns(found.State.Health?.Log),
                restarts: found.RestartCount,
                kept: found.HostConfig.RestartPolicy?.Name === 'always',
              }
        },
        signal,
      )
    },

    usage(id, signal) {
      return connection.call(
        `measure container ${id.slice(0, 12)}`,
        async docker => {
          const found = await ownContainer(docker, id, owner, signal)
          if (!found?.State.Running) return null
          // Not its one-shot: a share of processor time takes two readings, which the engine makes a second apart.
          const request = {
            method: 'GET',
            path: `/containers/${found.Id}/stats`,
            query: { stream: false },
          } as const
          const answer = await openStream(docker, request, signal)
          for await (const sample of readNdjson(answer, signal)) return usageOf(sample as Sample)
          return null
        },
        signal,
      )
    },
  }
}

/** The engine also says `none`, and nothing at all without a HEALTHCHECK. */
function healthOf(status: string | undefined): Condition['health'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : null
}

/** @param log of `State.Health`; of a run without an exit code the engine says -1. Exported for its test. */
export function healthRuns(
  log: readonly { readonly ExitCode: number; readonly Output: string }[] | null | undefined,
): HealthRun[] {
  return (log ?? []).map(({ ExitCode, Output }) => ({
    exitCode: ExitCode < 0 ? null : ExitCode,
    output: uncut(Output),
  }))
}

/** Bytes of one run that the engine keeps. Where it has cut, it writes `...`. */
const KEPT = 4096

/** Without the line that was cut: it may end in half a secret, which nobody could tell for one. */
function uncut(output: string): string {
  const cut = output.endsWith('...') && Buffer.byteLength(output) >= KEPT + 3
  return cut ? `${output.slice(0, output.lastIndexOf('\n') + 1)}...` : output
}

interface CpuStats {
  readonly cpu_usage?: { readonly total_usage?: number }
  readonly system_cpu_usage?: number
  readonly online_cpus?: number
}

interface Sample {
  readonly cpu_stats?: CpuStats
  readonly precpu_stats?: CpuStats
  readonly memory_stats?: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> }
}

function usageOf({ cpu_stats: now, precpu_stats: before, memory_stats: memory }: Sample): Usage | null {
  if (memory?.usage === undefined || now?.system_cpu_usage === undefined) return null
  const used = (now.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0)
  const passed = now.system_cpu_usage - (before?.system_cpu_usage ?? 0)
  // The pages of files that can be dropped at any time: named differently by the two versions of cgroups.
  const dropped = memory.stats?.inactive_file ?? memory.stats?.total_inactive_file ?? 0
  return {
    cpus: passed > 0 ? (Math.max(0, used) / passed) * (now.online_cpus ?? 1) : 0,
    memory: Math.max(0, memory.usage - dropped),
  }
}
