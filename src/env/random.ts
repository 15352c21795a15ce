export interface Random {
  /** Uniform in [0, bound), bound in 1..2^32. */
  below(bound: number): number
  /** Uniform in [0, 2^64). */
  uint64(): bigint
}
