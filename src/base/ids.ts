// Identifiers are opaque 64-bit values (bigint): compared and printed, never added to.
// Counters are numbers, guarded by the codecs to stay within 2^53-1.

import type { Brand } from './brand.js'

/** u64; 0 means "no member". */
export type MemberId = Brand<bigint, 'MemberId'>
/** u64, fixed when a cluster is first started. */
export type ClusterId = Brand<bigint, 'ClusterId'>
/** i64 (may be negative); 0 means "no lease". */
export type LeaseId = Brand<bigint, 'LeaseId'>
/** Position in the raft log; the first entry has index 1. */
export type Index = Brand<number, 'Index'>
/** Raft term; the first election is term 1. */
export type Term = Brand<number, 'Term'>

export const NO_MEMBER = 0n as MemberId
export const NO_CLUSTER = 0n as ClusterId
export const NO_LEASE = 0n as LeaseId
export const NO_INDEX = 0 as Index
export const NO_TERM = 0 as Term

export const memberId = (value: bigint): MemberId => BigInt.asUintN(64, value) as MemberId
export const clusterId = (value: bigint): ClusterId => BigInt.asUintN(64, value) as ClusterId
export const leaseId = (value: bigint): LeaseId => BigInt.asIntN(64, value) as LeaseId
export const index = (value: number): Index => value as Index
export const term = (value: number): Term => value as Term

/** Text form of member, cluster and lease ids everywhere: lower-case hex without padding. */
export const hexId = (value: bigint): string => BigInt.asUintN(64, value).toString(16)
