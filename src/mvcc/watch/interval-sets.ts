// Sets of members filed under half-open key ranges; asked with a key, it yields the sets of all ranges that hold the key.
//
// An AVL tree ordered by (lo, hi). Every node knows the greatest end in its subtree, so a query skips subtrees that end
// before the key and costs O(log n) per range found. Equal ranges share one node, because many watchers watch the same few
// prefixes.
//
//        [c, m)  max m              stab('k'): the root holds it; left: max d <= k, skipped; right: lo k <= k, held
//       /             \
//   [a, d) max d     [k, l) max l

import type { Key } from '../../base/index.js'

/** Exclusive end of a range; undefined is beyond every key. */
export type RangeEnd = Key | undefined

class Node<T> {
  readonly lo: Key
  readonly hi: RangeEnd
  members: Set<T>
  left: Node<T> | undefined = undefined
  right: Node<T> | undefined = undefined
  height = 1
  maxHi: RangeEnd

  constructor(lo: Key, hi: RangeEnd, members: Set<T>) {
    this.lo = lo
    this.hi = hi
    this.members = members
    this.maxHi = hi
  }
}

export class IntervalSets<T> {
  #root: Node<T> | undefined = undefined
  #ranges = 0

  /** Number of distinct ranges. */
  get ranges(): number {
    return this.#ranges
  }

  /** Files `member` under `[lo, hi)`; idempotent. An empty range is allowed and never found. */
  add(lo: Key, hi: RangeEnd, member: T): void {
    const members = this.#find(lo, hi)?.members
    if (members !== undefined) {
      members.add(member)
      return
    }
    this.#root = insert(this.#root, new Node(lo, hi, new Set([member])))
    this.#ranges++
  }

  /** False when `member` is not filed under exactly this range. */
  delete(lo: Key, hi: RangeEnd, member: T): boolean {
    const members = this.#find(lo, hi)?.members
    if (members?.delete(member) !== true) return false
    if (members.size === 0) {
      this.#root = remove(this.#root, lo, hi)
      this.#ranges--
    }
    return true
  }

  /** Appends the member sets of all ranges that hold `key` to `into`, by ascending (lo, hi). The sets are live: borrowed. */
  stab(key: Key, into: Set<T>[]): void {
    stab(this.#root, key, into)
  }

  /** Appends every member of every range to `into`. */
  collect(into: T[]): void {
    collect(this.#root, into)
  }

  /** Checks order, balance and the ends of subtrees; for tests. */
  checkInvariants(): boolean {
    return check(this.#root)
  }

  #find(lo: Key, hi: RangeEnd): Node<T> | undefined {
    let node = this.#root
    while (node !== undefined) {
      const order = compareRange(lo, hi, node)
      if (order === 0) return node
      node = order < 0 ? node.left : node.right
    }
    return undefined
  }
}

const endsAfter = (end: RangeEnd, key: Key): boolean => end === undefined || end > key

const laterEnd = (a: RangeEnd, b: RangeEnd): RangeEnd =>
  a === undefined || b === undefined ? undefined : a > b ? a : b

const compareEnds = (a: RangeEnd, b: RangeEnd): number => {
  if (a === b) return 0
  if (a === undefined) return 1
  if (b === undefined) return -1
  return a < b ? -1 : 1
}

const compareRange = <T>(lo: Key, hi: RangeEnd, node: Node<T>): number => {
  if (lo !== node.lo) return lo < node.lo ? -1 : 1
  return compareEnds(hi, node.hi)
}

const heightOf = <T>(node: Node<T> | undefined): number => (node === undefined ? 0 : node.height)

const stab = <T>(node: Node<T> | undefined, key: Key, into: Set<T>[]): void => {
  if (node === undefined || !endsAfter(node.maxHi, key)) return
  stab(node.left, key, into)
  if (node.lo > key) return
  if (endsAfter(node.hi, key)) into.push(node.members)
  stab(node.right, key, into)
}

const collect = <T>(node: Node<T> | undefined, into: T[]): void => {
  if (node === undefined) return
  collect(node.left, into)
  for (const member of node.members) into.push(member)
  collect(node.right, into)
}

const refresh = <T>(node: Node<T>): void => {
  const { left, right } = node
  node.height = 1 + Math.max(heightOf(left), heightOf(right))
  let end = node.hi
  if (left !== undefined) end = laterEnd(end, left.maxHi)
  if (right !== undefined) end = laterEnd(end, right.maxHi)
  node.maxHi = end
}

const rotateRight = <T>(node: Node<T>, left: Node<T>): Node<T> => {
  node.left = left.right
  left.right = node
  refresh(node)
  refresh(left)
  return left
}

const rotateLeft = <T>(node: Node<T>, right: Node<T>): Node<T> => {
  node.right = right.left
  right.left = node
  refresh(node)
  refresh(right)
  return right
}

/** Restores the AVL rule at `node` after one change below it; returns the subtree's new root. */
const rebalance = <T>(node: Node<T>): Node<T> => {
  const { left, right } = node
  const lean = heightOf(left) - heightOf(right)
  if (left !== undefined && lean > 1) {
    if (left.right !== undefined && heightOf(left.right) > heightOf(left.left)) node.left = rotateLeft(left, left.right)
    return rotateRight(node, node.left!)
  }
  if (right !== undefined && lean < -1) {
    if (right.left !== undefined && heightOf(right.left) > heightOf(right.right))
      node.right = rotateRight(right, right.left)
    return rotateLeft(node, node.right!)
  }
  refresh(node)
  return node
}

const insert = <T>(node: Node<T> | undefined, added: Node<T>): Node<T> => {
  if (node === undefined) return added
  if (compareRange(added.lo, added.hi, node) < 0) node.left = insert(node.left, added)
  else node.right = insert(node.right, added)
  return rebalance(node)
}

const remove = <T>(node: Node<T> | undefined, lo: Key, hi: RangeEnd): Node<T> | undefined => {
  if (node === undefined) return undefined
  const order = compareRange(lo, hi, node)
  if (order < 0) node.left = remove(node.left, lo, hi)
  else if (order > 0) node.right = remove(node.right, lo, hi)
  else if (node.left === undefined) return node.right
  else if (node.right === undefined) return node.left
  else {
    // The next range in order takes the place of the removed one.
    const next = firstOf(node.right)
    next.right = removeFirst(node.right)
    next.left = node.left
    return rebalance(next)
  }
  return rebalance(node)
}

const firstOf = <T>(node: Node<T>): Node<T> => (node.left === undefined ? node : firstOf(node.left))

const removeFirst = <T>(node: Node<T>): Node<T> | undefined => {
  if (node.left === undefined) return node.right
  node.left = removeFirst(node.left)
  return rebalance(node)
}

const check = <T>(node: Node<T> | undefined): boolean => {
  if (node === undefined) return true
  const { left, right, height, maxHi } = node
  if (left !== undefined && compareRange(left.lo, left.hi, node) >= 0) return false
  if (right !== undefined && compareRange(right.lo, right.hi, node) <= 0) return false
  if (Math.abs(heightOf(left) - heightOf(right)) > 1 || node.members.size === 0) return false
  refresh(node)
  return node.height === height && node.maxHi === maxHi && check(left) && check(right)
}
