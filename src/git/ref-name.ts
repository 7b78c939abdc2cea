// Which names a ref may have: git's own rules (`git check-ref-format`), and no invisible characters.

const FORBIDDEN = /[\p{Cc}\p{Cf} ~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$|\.lock(?:\/|$)|(?:^|\/)\./u

/** Whether `name` is a full ref name such as `refs/heads/master`. */
export function isRefName(name: string): boolean {
  return /^refs\/[^/]+\/./.test(name) && name.length <= 1024 && name.isWellFormed() && !FORBIDDEN.test(name)
}

/** Whether `name` may stand for a branch: `refs/heads/` before it makes a ref name, and it is no option. */
export function isBranchName(name: string): boolean {
  return !name.startsWith('-') && isRefName(`refs/heads/${name}`)
}
