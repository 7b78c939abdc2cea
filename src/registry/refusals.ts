// Every way in which a registry refuses access, as the Problem that a person reads. Pure: text in, Problem out.
import { Problem } from '../domain/problem.ts'
import { inVariables, loginCommand, mendAtSource, OTHER_VARIABLES } from '../domain/registry-advice.ts'
import { OTHER_IMAGE, storeLogin, withExplain } from './advice.ts'
import {
  aboutWhat,
  asWhom,
  howAsked,
  type ImageQuestion,
  imageName,
  loginName,
  type Question,
  who,
} from './question.ts'

/** No credential was offered, and the registry shows nothing to nobody: the image is most likely private. */
export function loginRequired(question: ImageQuestion, said: string): Problem {
  const { host, reference } = question
  const store = sentence(storeLogin(host))
  return new Problem('registry-login-required', {
    headline: `${host} wants a login before it shows the image ${imageName(question)}`,
    saw: `${said}. ${howAsked(question)}`,
    hint: withExplain(
      question,
      `${store} Registries answer the same for a repository that does not exist: if ${reference.repository} is wrong, correct it with ${OTHER_IMAGE}.`,
    ),
  })
}

export function loginFailed(question: Question, said: string): Problem {
  const { host, auth, reference } = question
  const shortLived = /\.dkr\.ecr\./.test(host) ? ' A password of Amazon ECR ends after 12 hours.' : ''
  const accepted = `that \`docker login ${host}\` accepts`
  const another = inVariables(auth)
    ? `Run ${OTHER_VARIABLES} with a username and password ${accepted}.`
    : sentence(`${mendAtSource(auth, host)}: it has to be one ${accepted}`)
  const cure = reference === null ? `Give a username and password ${accepted}.` : another
  return new Problem('registry-login-failed', {
    headline: `${host} refuses ${loginName(question)}${reference === null ? '' : ` ${aboutWhat(question)}`}`,
    saw: `${said}. ${howAsked(question)}`,
    hint: withExplain(question, `${cure}${shortLived}`),
  })
}

/** The registry, or its login service, knows logins by username and password only. */
export function takesNoTokens(question: Question, said: string): Problem {
  const { host, auth, reference } = question
  const unasked =
    reference === null ? '' : `: the image ${imageName(question)} could not be asked for with one`
  const cure = inVariables(auth)
    ? `Run ${OTHER_VARIABLES} with a username and password.`
    : `Store a username and password with ${loginCommand(host)}.`
  return new Problem('registry-login-failed', {
    headline: `${host} takes no identity tokens${unasked}`,
    saw: `${said}. ${howAsked(question)}`,
    hint: withExplain(
      question,
      `An identity token is of use only at the registry that gave it, and this one wants a username and password. ${cure}`,
    ),
  })
}

/** @param mayBeLogin a login service refused, and some of them answer so to a wrong password too */
export function denied(question: Question, said: string, mayBeLogin = false): Problem {
  const { host, auth, reference } = question
  if (reference === null) {
    return new Problem('registry-denied', {
      headline: `${host} knows ${loginName(question)}, but does not let it in`,
      saw: `${said}. ${howAsked(question)}`,
      hint: `Ask whoever runs ${host} what ${who(question)} may do there, or give the login of another user.`,
    })
  }
  const another = inVariables(auth) ? `or set another with ${OTHER_VARIABLES}` : mendAtSource(auth, host)
  const ambiguous = mayBeLogin
    ? 'a wrong password, and for a repository that does not exist'
    : 'a repository that does not exist'
  return new Problem('registry-denied', {
    headline: `${host} does not let ${who(question)} read the image ${imageName(question)}`,
    saw: `${said}. ${howAsked(question)}`,
    hint: withExplain(
      question,
      `Let this user read ${reference.repository} at ${host}, ${another}. Some registries answer the same for ${ambiguous}: if the name is wrong, correct it with ${OTHER_IMAGE}.`,
    ),
  })
}

/** The repository is missing, or hidden from who asks: registries say the same for both. */
export function imageNotFound(question: ImageQuestion, said: string): Problem {
  const { host, reference, auth } = question
  const hidden = auth === null ? '' : `, or hides it from ${who(question)}`
  const show = auth === null ? '' : ', let this user read it'
  return new Problem('image-not-found', {
    headline: `${host} has no repository ${reference.repository}${hidden} (image ${imageName(question)})`,
    saw: `${said}. It was asked for ${asWhom(question)}.`,
    hint: withExplain(question, `Push the image there${show}, or correct its name with ${OTHER_IMAGE}.`),
  })
}

function sentence(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`
}
