// What the shells ask for: `fairlead completion bash|zsh` prints a script, and the script calls `fairlead __complete`
// with the words so far. The names of the commands come from the gateway, but for the few that it never hears of.
import { Problem } from '../domain/problem.ts'

// `:` parts words in bash, so the line is split here and what stands before the last `:` is taken off the answers.
const BASH = `# eval "$(fairlead completion bash)"
_fairlead() {
  local line=\${COMP_LINE:0:COMP_POINT} words current
  read -ra words <<<"$line"
  case $line in *[[:space:]]) words+=('') ;; esac
  current=\${words[\${#words[@]} - 1]}
  mapfile -t COMPREPLY < <(fairlead __complete "\${words[@]:1}" 2>/dev/null)
  case $current in
    *:*) [[ $COMP_WORDBREAKS == *:* ]] && COMPREPLY=("\${COMPREPLY[@]#"\${current%:*}:"}") ;;
  esac
}
complete -o default -F _fairlead fairlead
`

const ZSH = `#compdef fairlead
# eval "$(fairlead completion zsh)"
_fairlead() {
  local -a answers
  answers=("\${(@f)$(fairlead __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n \${answers[1]} ]] && compadd -- "\${answers[@]}" || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _fairlead fairlead
`

/** @throws Problem `usage` */
export function completionScript(shell: string | undefined): string {
  if (shell === 'bash') return BASH
  if (shell === 'zsh') return ZSH
  throw new Problem('usage', {
    headline: 'Completion is there for bash and for zsh',
    hint: 'Put eval "$(fairlead completion bash)" into ~/.bashrc, or the same with zsh into ~/.zshrc.',
  })
}

/** Options that every command understands, and those that only the CLI does. */
const OPTIONS = ['--app', '--environment', '--help', '--remote', '--env-file', '--value-file', '--json']
/** What the CLI answers itself. */
const OWN = ['completion', 'help', 'registry:encrypt']

/**
 * @param words what was typed after `fairlead`; the last one is being typed
 * @param names asks for the names of the commands, one a line
 */
export async function complete(
  words: readonly string[],
  names: () => Promise<string>,
): Promise<readonly string[]> {
  const current = words.at(-1) ?? ''
  if (current.startsWith('-')) return OPTIONS.filter(option => option.startsWith(current))
  const first = words.length <= 1
  if (!first && !(words.length === 2 && words[0] === 'help')) return []
  const known = (await names()).split('\n').filter(name => name !== '')
  const own = first ? OWN : []
  return [...new Set([...known, ...own])].filter(name => name.startsWith(current)).sort()
}
