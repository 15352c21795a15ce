// Nominal types over primitives, so that a member id is never passed where a lease id is meant.

declare const brand: unique symbol

export type Brand<T, Name extends string> = T & { readonly [brand]: Name }
