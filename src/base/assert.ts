/** A broken promise inside the program. Never caught to continue: the process stops (docs/architecture.md, "failures"). */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
}

type Told = string | number | bigint

/**
 * Each `%` of the message stands for one of the values behind it: a template would be put together in every call, which takes 20 ns and
 * leaves garbage, for each entry of the log.
 */
export function invariant(condition: boolean, message: string, a?: Told, b?: Told, c?: Told): asserts condition {
  if (condition) return
  const told = [a, b, c]
  throw new InvariantViolation(message.replace(/%/g, () => String(told.shift())))
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unexpected value ${String(value)}`)
}
