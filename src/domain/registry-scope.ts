// For whom a credential is kept: one app, every app of an environment, or every app of a stack.

export type RegistryScope =
  | { readonly kind: 'app' | 'environment'; readonly id: number }
  | { readonly kind: 'stack'; readonly name: string }
