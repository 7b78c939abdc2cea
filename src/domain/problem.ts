// The errors that people are meant to read. A Problem answers four questions: what failed (headline), what we
// saw, what runs now, and what to do. Anything thrown that is not a Problem is a bug of ours.

/** Every code with the one-line meaning that the README prints. The table is complete: codes are not made up elsewhere. */
export const PROBLEM_CODES = {
  // who and where
  'app-not-found': 'No such app, or you may not see it',
  'environment-not-found': 'No such environment, or you may not see it',
  forbidden: 'Your role in this environment does not allow it',
  'name-invalid': 'A handle, path or name holds characters that are not allowed',
  'name-taken': 'Something of that name exists already',
  'not-found': 'The thing you named (key, member, release, operation, process) does not exist',
  'unknown-command': 'There is no such command',
  usage: 'The command was called with wrong words',
  'not-confirmed': 'A destructive command was not confirmed with the name',
  // the push
  'push-shallow': 'The push comes from a shallow clone',
  'push-deletes-branch': 'The push would delete the branch that is deployed',
  'push-too-large': 'The push is larger than the gateway accepts',
  'push-outdated': 'The branch moved on while this push waited for its turn',
  'commit-not-found': 'No commit of that name is stored for the app',
  'rollback-refused': 'There is nothing to go back to, or going back would change nothing',
  // source
  'procfile-invalid': 'The Procfile has a line that cannot be read',
  'aptible-yml-invalid': 'The .aptible.yml cannot be read',
  'fairlead-yml-invalid': 'The push entries of .fairlead.yml (or .aptible.yml) cannot be used',
  'dockerfile-invalid': 'The Dockerfile cannot be read',
  'nothing-to-deploy': 'No Dockerfile in the commit and no APTIBLE_DOCKER_IMAGE in the config',
  'no-command': 'No Procfile, and the image has no CMD or ENTRYPOINT',
  // config
  'config-invalid': 'A config variable has a bad name or value, or there is too much of it',
  'master-key-missing': 'The key that decrypts stored config is gone',
  'master-key-wrong': 'The key on disk is not the one stored config was encrypted with',
  // image and registry
  'image-reference-invalid': 'The image name cannot be read',
  'registry-host-unset': 'Registry credentials are set without the host they are for',
  'registry-host-mismatch': 'The registry credentials are for another host than the image',
  'registry-unreachable': 'The registry does not answer',
  'registry-tls': 'The registry cannot prove who it is, or does not speak TLS',
  'registry-login-required': 'The image is private and no credential is set',
  'registry-login-failed': 'The registry refuses this username and password',
  'registry-denied': 'The login is right but may not read this repository',
  'image-not-found': 'The registry has no such repository',
  'tag-not-found': 'The repository has no such tag or digest',
  'platform-mismatch': 'The image is not made for the platform of the engine',
  'registry-rate-limited': 'The registry limits how often we may ask',
  'registry-failed': 'The registry failed by itself',
  'registry-credentials-conflict': 'A build needs two credentials for one registry host',
  'dockercfg-invalid': 'A file of registry credentials cannot be read',
  'dockercfg-locked': 'A dockercfg.encrypted cannot be decrypted for this app',
  'registry-uri-failed': 'The file of credentials at a URI cannot be had',
  'secret-not-found': 'No such secret, or you have no right on its path',
  'generator-failed': 'A generator gave no credentials',
  'image-push-failed': 'The built image could not be pushed to its registry',
  'stack-private-refused': 'This stack (version 1) may not use private registries',
  'build-failed': 'A step of the Dockerfile failed',
  'build-timeout': 'The build took longer than the stack allows',
  // containers
  'before-release-failed': 'A before_release command failed',
  'container-exited': 'A container stopped before it had settled',
  'container-not-started': 'The engine could not start a container',
  'scale-refused': 'The stack does not allow so many containers, or so large ones',
  'too-many-runs': 'The app has as many one-off containers as it may have at once',
  // engine and gateway
  'engine-unreachable': 'The Docker engine does not answer',
  'engine-disk-full': 'The Docker engine has no space left on its disk, or less than a build wants',
  'engine-failed': 'The Docker engine refused or failed a request',
  'router-missing': 'There is no router that endpoints could be answered by',
  'router-unreachable': 'The router does not answer',
  'router-failed': 'The router refused what it was told',
  'endpoint-refused': 'The endpoint cannot be made like this',
  'certificate-failed': 'The ACME authority gave no certificate for an endpoint',
  'health-check-failed': 'A candidate did not become healthy',
  'network-pool-exhausted': 'The stack has no subnet left for another environment',
  'stack-invalid': 'A stack file cannot be used',
  'stack-not-found': 'No such stack',
  'settings-invalid': 'The gateway cannot start with these settings',
  cancelled: 'The operation was cancelled, or the one who asked for it left',
  'not-cancellable': 'The operation cannot be cancelled, or not any more',
  interrupted: 'The gateway stopped while the operation ran',
  internal: 'A fault of the gateway itself',
} as const satisfies Record<string, string>

export type ProblemCode = keyof typeof PROBLEM_CODES

/** The part of an operation in which a Problem arose. */
export type Phase =
  | 'admit'
  | 'source'
  | 'config'
  | 'image'
  | 'release'
  | 'before_release'
  | 'start'
  | 'settle'
  | 'promote'

export interface ProblemFields {
  /** What failed, one sentence, with the names of the things involved. */
  headline: string
  /** What we saw: the evidence, possibly several lines. Never holds a secret. */
  saw?: string
  /** What to do, in the imperative, with the exact command or variable. */
  hint: string
  /** What runs now. Left out where nothing is deployed by the command; a deploy fills it in. */
  runs?: string
  phase?: Phase
  cause?: unknown
}

export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly headline: string
  readonly saw: string | undefined
  readonly hint: string
  readonly runs: string | undefined
  readonly phase: Phase | undefined

  constructor(code: ProblemCode, fields: ProblemFields) {
    super(fields.headline, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.code = code
    this.headline = fields.headline
    this.saw = fields.saw
    this.hint = fields.hint
    this.runs = fields.runs
    this.phase = fields.phase
  }

  /** The same Problem with more known about its surroundings. What is set already stays. */
  within(surroundings: { phase?: Phase; runs?: string }): Problem {
    const phase = this.phase ?? surroundings.phase
    const runs = this.runs ?? surroundings.runs
    return new Problem(this.code, {
      headline: this.headline,
      hint: this.hint,
      ...(this.saw !== undefined && { saw: this.saw }),
      ...(runs !== undefined && { runs }),
      ...(phase !== undefined && { phase }),
      ...(this.cause !== undefined && { cause: this.cause }),
    })
  }
}

/** The lines that a person reads, without line ends. */
export function problemLines(problem: Problem): string[] {
  const block = (label: string, text: string | undefined) =>
    text === undefined
      ? []
      : text.split('\n').map((line, i) => `${i === 0 ? label : ' '.repeat(label.length)}${line}`)
  return [
    ` !     ${problem.headline} (${problem.code})`,
    ...block('       What we saw:   ', problem.saw),
    ...block('       What runs now: ', problem.runs),
    ...block('       What to do:    ', problem.hint),
  ]
}
