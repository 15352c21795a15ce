import { Code, type Status } from '../env/index.js'

export { errors } from '../proto/index.js'

/** An internal failure without an entry in the catalogue: UNKNOWN with its plain text, as etcd does. */
export const unmappedError = (error: unknown): Status =>
  Object.freeze({ code: Code.unknown, message: error instanceof Error ? error.message : String(error) })
