// What a ContainerSpec becomes in the engine's words. Pure, so that every hardening setting can be read in one place.
import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import type { ContainerSpec } from '../../domain/container.ts'
import { containerLabels } from './labels.ts'

/** What programs that start as root and drop to a user of their own need. Everything else is taken away. */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'KILL', 'NET_BIND_SERVICE']

/** Where programs look for the engine. */
const SOCKET_IN_CONTAINER = '/var/run/docker.sock'

/** @param engineSocket path of the engine's socket on the engine's own machine */
export function createBody(
  spec: ContainerSpec,
  gatewayId: string,
  engineSocket: string,
): ContainerCreateOptions {
  const terminal = spec.interactive?.terminal
  return {
    Image: spec.image,
    Labels: containerLabels(gatewayId, spec.labels),
    Env: [...spec.env].map(([name, value]) => `${name}=${value.reveal()}`),
    // One empty word is the documented way to clear the image's ENTRYPOINT.
    ...(spec.entrypoint && { Entrypoint: spec.entrypoint.length === 0 ? [''] : [...spec.entrypoint] }),
    ...(spec.command && { Cmd: [...spec.command] }),
    Tty: terminal != null,
    ...(spec.interactive && { OpenStdin: true, StdinOnce: true, AttachStdin: true }),
    StopTimeout: spec.grace,
    HostConfig: hostConfig(spec, engineSocket),
    NetworkingConfig: { EndpointsConfig: { [spec.network]: {} } },
  }
}

function hostConfig(spec: ContainerSpec, engineSocket: string): HostConfig {
  const { limits, interactive } = spec
  return {
    NetworkMode: spec.network,
    // See `keepRunning`: what has not settled yet is not started again.
    RestartPolicy: { Name: 'no' },
    // What is said to a person is theirs: it stays on no disk.
    LogConfig: interactive
      ? { Type: 'none', Config: {} }
      : { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    // Engines from 23 on begin with it; older ones are told once the program runs.
    ...(interactive?.terminal && { ConsoleSize: [interactive.terminal.rows, interactive.terminal.columns] }),
    SecurityOpt: ['no-new-privileges:true'],
    CapDrop: ['ALL'],
    CapAdd: CAPABILITIES,
    Privileged: false,
    PidsLimit: limits.pids,
    Memory: limits.memory,
    // Equal to Memory: no swap.
    MemorySwap: limits.memory,
    NanoCpus: Math.round(limits.cpus * 1e9),
    Init: true,
    // The one thing of the machine that a container can be handed.
    ...(spec.engineSocket && {
      Mounts: [{ Type: 'bind', Source: engineSocket, Target: SOCKET_IN_CONTAINER }],
    }),
  }
}
