// A B+ tree from keys to the ids that stand for them. Half of a lookup among millions of keys is waiting for memory, and strings lie
// apart: so each node keeps a number beside every key, made of the six bytes that tell its keys apart best, and searches those first.
//
// What makes this short: whatever is looked for in a node lies between two separators of the nodes above, so it begins with all that
// those two have in common. A node knows the length of that (`shared`); it changes only when nodes are split or merged.
//
// Nearly all of the tree is leaves (key-leaves.ts); nodes above them are objects with keys of their own.

import type { Key } from '../base/index.js'
import { type KeyNames, Leaves, NO_LEAF } from './key-leaves.js'
import { firstAtLeast, ordinalOf, sharedLength } from './key-ordinal.js'
import type { Steps } from './slices.js'

/** Wide nodes: few levels, and walks stay in one place longer. A leaf of so many fills twelve lines of a cache. */
const NODE_KEYS_MAX = 62

/** What `get` answers for a key that is not in the tree; ids are from 0 on. */
export const NOTHING = -1

/** A node, or on the lowest level the number of a leaf. */
type Child = InnerNode | number

class InnerNode {
  /** Separators in use; the arrays are longer. */
  count = 0
  /** Every key that belongs here begins with the same so many bytes. */
  shared = 0
  /** `keys[i]` is at or below all keys of child i + 1 and above those of child i. */
  readonly keys: Key[]
  /** Of `keys[i]` the bytes from `shared` on, as a number: never descends, and may be equal for different keys. */
  readonly ordinals: Float64Array
  readonly children: Child[]

  constructor(keysMax: number) {
    this.keys = new Array<Key>(keysMax)
    this.ordinals = new Float64Array(keysMax)
    this.children = new Array<Child>(keysMax + 1)
  }
}

/** Where a search went. */
interface Path {
  /** One node per level from the root, without the leaf. */
  readonly nodes: InnerNode[]
  /** Which child was taken, per level. */
  readonly positions: number[]
  readonly leaf: number
  /** Where in the leaf the key is or belongs. */
  readonly pos: number
}

export class KeyTree {
  readonly #names: KeyNames
  readonly #keysMax: number
  readonly #leaves: Leaves
  #root: Child
  /** Levels of inner nodes. */
  #height = 0
  #size = 0
  // A put is nearly always looked up right before: what was found last spares the second search.
  #lastKey: Key | undefined
  #lastLeaf: number
  #lastPos = 0
  #lastId = NOTHING

  /** `keysMax` >= 2 keys per node. */
  constructor(names: KeyNames, keysMax = NODE_KEYS_MAX) {
    this.#names = names
    this.#keysMax = keysMax
    this.#leaves = new Leaves(names, keysMax)
    this.#root = this.#lastLeaf = this.#leaves.add()
  }

  get size(): number {
    return this.#size
  }

  get(key: Key): number {
    if (key === this.#lastKey) return this.#lastId
    const leaf = this.#leafOf(key)
    const pos = this.#leaves.search(leaf, key)
    const id = pos < 0 ? NOTHING : this.#leaves.idAt(leaf, pos)
    this.#lastKey = key
    this.#lastLeaf = leaf
    this.#lastPos = pos < 0 ? ~pos : pos
    this.#lastId = id
    return id
  }

  /** `key` is not in the tree; `id` >= 0 is its id from now on. */
  add(key: Key, id: number): void {
    this.get(key)
    this.#size++
    if (this.#leaves.count(this.#lastLeaf) < this.#keysMax) {
      this.#leaves.insert(this.#lastLeaf, this.#lastPos, key, id)
      this.#lastId = id
    } else {
      this.#splitLeaf(this.#pathTo(key), key, id)
      this.#lastKey = undefined
    }
  }

  /** Takes `key` out; returns its id, which stands for it until this returns, NOTHING when it was not there. */
  remove(key: Key): number {
    const id = this.get(key)
    if (id === NOTHING) return NOTHING
    const path = this.#pathTo(key)
    this.#lastKey = undefined
    this.#size--
    this.#leaves.takeOut(path.leaf, path.pos)
    this.#mergeUpwards(path)
    return id
  }

  /** Fills the empty tree with ids of ascending keys. Yields every now and then; nobody else may use the tree meanwhile. */
  *loadSteps(ids: readonly number[]): Steps<void> {
    // Some room in each, or the first keys that come would split them all.
    const fill = Math.max(1, (this.#keysMax * 7) >> 3)
    const keyOf = (i: number): Key | undefined => (i < ids.length ? this.#names.keyOf(ids[i]!) : undefined)
    let level: Child[] = []
    /** The first key of each node of `level`. */
    let firsts: Key[] = []
    let leaf = NO_LEAF
    for (let from = 0; from < ids.length; from += fill) {
      const before = leaf
      leaf = level.length === 0 ? (this.#root as number) : this.#leaves.add()
      this.#leaves.fill(leaf, ids.slice(from, from + fill), from === 0 ? undefined : keyOf(from), keyOf(from + fill))
      if (before !== NO_LEAF) this.#leaves.setNext(before, leaf)
      level.push(leaf)
      firsts.push(keyOf(from)!)
      if (level.length % 16 === 0) yield
    }
    this.#size = ids.length
    if (level.length === 0) return
    while (level.length > 1) {
      const above: Child[] = []
      for (let from = 0; from < level.length; from += fill + 1) {
        const node = new InnerNode(this.#keysMax)
        const children = level.slice(from, from + fill + 1)
        for (const [i, child] of children.entries()) {
          node.children[i] = child
          if (i > 0) node.keys[i - 1] = firsts[from + i]!
        }
        node.count = children.length - 1
        setFences(node, from === 0 ? undefined : firsts[from], firsts[from + fill + 1])
        above.push(node)
      }
      firsts = firsts.filter((_, i) => i % (fill + 1) === 0)
      level = above
      this.#height++
      yield
    }
    this.#root = level[0]!
    this.#lastKey = undefined
  }

  /**
   * Visits up to `max` >= 1 ids of the keys of [lo, hi) in key order; `hi` may lie behind all keys. Returns the key of the last one when
   * there may be more, undefined at the end. `visit` must not add or remove keys.
   */
  walk(lo: Key, hi: Key, max: number, visit: (id: number) => void): Key | undefined {
    const leaves = this.#leaves
    let leaf = this.#leafOf(lo)
    let pos = leaves.positionOf(leaf, lo)
    let left = max
    for (; leaf !== NO_LEAF; leaf = leaves.next(leaf), pos = 0) {
      const end = leaves.endIn(leaf, hi)
      const stop = Math.min(end, pos + left)
      leaves.visit(leaf, pos, stop, visit)
      left -= Math.max(0, stop - pos)
      if (left === 0) return leaves.keyAt(leaf, stop - 1)
      if (end < leaves.count(leaf)) return undefined
    }
    return undefined
  }

  /** The leaf that `key` belongs to. */
  #leafOf(key: Key): number {
    let child = this.#root
    for (let level = this.#height; level > 0; level--) {
      const node = child as InnerNode
      child = node.children[childFor(node, key)]!
    }
    return child as number
  }

  #pathTo(key: Key): Path {
    const nodes: InnerNode[] = []
    const positions: number[] = []
    let child = this.#root
    for (let level = 0; level < this.#height; level++) {
      const node = child as InnerNode
      const pos = childFor(node, key)
      nodes.push(node)
      positions.push(pos)
      child = node.children[pos]!
    }
    const leaf = child as number
    return { nodes, positions, leaf, pos: this.#leaves.positionOf(leaf, key) }
  }

  /** Puts `key` into the full leaf at the end of `path`, which becomes two. */
  #splitLeaf(path: Path, key: Key, id: number): void {
    const { leaf, pos } = path
    const leaves = this.#leaves
    const count = leaves.count(leaf)
    // Keys that come in order fill their leaves.
    const kept = pos === count ? count : count >> 1
    const right = leaves.split(leaf, kept)
    const separator = kept === count ? key : leaves.keyAt(right, 0)
    leaves.setFences(leaf, lowFence(path, this.#height), separator)
    leaves.setFences(right, separator, highFence(path, this.#height))
    if (pos <= kept && kept < count) leaves.insert(leaf, pos, key, id)
    else leaves.insert(right, pos - kept, key, id)
    this.#splitAbove(path, this.#height - 1, separator, right)
  }

  /** Enters `right` behind the child that `path` takes at `level`, with `separator` between the two. */
  #splitAbove(path: Path, level: number, separator: Key, right: Child): void {
    if (level < 0) {
      const root = new InnerNode(this.#keysMax)
      root.children[0] = this.#root
      this.#root = root
      this.#height++
      insertChild(root, 0, separator, right)
      return
    }
    const node = path.nodes[level]!
    const pos = path.positions[level]!
    if (node.count < this.#keysMax) {
      insertChild(node, pos, separator, right)
      return
    }
    const sibling = new InnerNode(this.#keysMax)
    const kept = node.count >> 1
    const middle = node.keys[kept]!
    sibling.count = node.count - kept - 1
    for (let i = 0; i < sibling.count; i++) sibling.keys[i] = node.keys[kept + 1 + i]!
    for (let i = 0; i <= sibling.count; i++) sibling.children[i] = node.children[kept + 1 + i]!
    shorten(node, kept)
    setFences(node, lowFence(path, level), middle)
    setFences(sibling, middle, highFence(path, level))
    if (pos <= kept) insertChild(node, pos, separator, right)
    else insertChild(sibling, pos - kept - 1, separator, right)
    this.#splitAbove(path, level - 1, middle, sibling)
  }

  /** Nodes that have become small join a neighbour of the same parent, where one has room. */
  #mergeUpwards(path: Path): void {
    for (let level = this.#height; level > 0; level--) {
      const isLeaf = level === this.#height
      const count = isLeaf ? this.#leaves.count(path.leaf) : path.nodes[level]!.count
      if (count >= this.#keysMax >> 2) break
      const pos = path.positions[level - 1]!
      const merged = isLeaf
        ? this.#mergeLeaves(path, pos) || this.#mergeLeaves(path, pos - 1)
        : this.#mergeNodes(path, level, pos) || this.#mergeNodes(path, level, pos - 1)
      if (!merged) break
    }
    while (this.#height > 0 && (this.#root as InnerNode).count === 0) {
      this.#root = (this.#root as InnerNode).children[0]!
      this.#height--
    }
  }

  /** Moves all of the last node's child `at + 1`, a leaf, into child `at`. False: there are no such two, or too many keys. */
  #mergeLeaves(path: Path, at: number): boolean {
    const leaves = this.#leaves
    const parent = path.nodes[this.#height - 1]!
    if (at < 0 || at >= parent.count) return false
    const [left, right] = [parent.children[at] as number, parent.children[at + 1] as number]
    if (leaves.count(left) + leaves.count(right) > this.#keysMax) return false
    leaves.merge(left, lowOf(path, this.#height - 1, at), highOf(path, this.#height - 1, at + 1))
    takeOutChild(parent, at)
    return true
  }

  /** The same with inner nodes at `level`. */
  #mergeNodes(path: Path, level: number, at: number): boolean {
    const parent = path.nodes[level - 1]!
    if (at < 0 || at >= parent.count) return false
    const [left, right] = [parent.children[at] as InnerNode, parent.children[at + 1] as InnerNode]
    if (left.count + 1 + right.count > this.#keysMax) return false
    left.keys[left.count++] = parent.keys[at]!
    for (let i = 0; i < right.count; i++) left.keys[left.count + i] = right.keys[i]!
    for (let i = 0; i <= right.count; i++) left.children[left.count + i] = right.children[i]!
    left.count += right.count
    setFences(left, lowOf(path, level - 1, at), highOf(path, level - 1, at + 1))
    takeOutChild(parent, at)
    return true
  }
}

/** The separator right below child `at` of the node of `path` at `level`; undefined when no key is. */
const lowOf = (path: Path, level: number, at: number): Key | undefined =>
  at > 0 ? path.nodes[level]!.keys[at - 1] : lowFence(path, level)

/** The separator right above it. */
const highOf = (path: Path, level: number, at: number): Key | undefined => {
  const node = path.nodes[level]!
  return at < node.count ? node.keys[at] : highFence(path, level)
}

/** The separator right below the node of `path` at `level`. */
const lowFence = (path: Path, level: number): Key | undefined =>
  level === 0 ? undefined : lowOf(path, level - 1, path.positions[level - 1]!)

/** The separator right above it. */
const highFence = (path: Path, level: number): Key | undefined =>
  level === 0 ? undefined : highOf(path, level - 1, path.positions[level - 1]!)

/** Position of the child that `key` belongs to. A string is looked at only when its ordinal is the same. */
const childFor = ({ keys, ordinals, count, shared }: InnerNode, key: Key): number => {
  const ordinal = ordinalOf(key, shared)
  let pos = firstAtLeast(ordinals, 0, count, ordinal)
  let end = pos
  while (end < count && ordinals[end] === ordinal) end++
  while (pos < end) {
    const mid = (pos + end) >>> 1
    if (keys[mid]! <= key) pos = mid + 1
    else end = mid
  }
  return pos
}

/** What belongs to `node` is at or above `low` and below `high`; undefined: no bound. Its ordinals follow. */
const setFences = (node: InnerNode, low: Key | undefined, high: Key | undefined): void => {
  const shared = sharedLength(low, high)
  node.shared = shared
  for (let i = 0; i < node.count; i++) node.ordinals[i] = ordinalOf(node.keys[i]!, shared)
}

/** Enters `child` behind child `pos`. */
const insertChild = (node: InnerNode, pos: number, separator: Key, child: Child): void => {
  const { keys, ordinals, children, count } = node
  for (let i = count; i > pos; i--) {
    keys[i] = keys[i - 1]!
    ordinals[i] = ordinals[i - 1]!
    children[i + 1] = children[i]!
  }
  keys[pos] = separator
  ordinals[pos] = ordinalOf(separator, node.shared)
  children[pos + 1] = child
  node.count = count + 1
}

/** Takes out child `at + 1` and the separator before it. */
const takeOutChild = (node: InnerNode, at: number): void => {
  const { keys, ordinals, children, count } = node
  for (let i = at; i + 1 < count; i++) {
    keys[i] = keys[i + 1]!
    ordinals[i] = ordinals[i + 1]!
    children[i + 1] = children[i + 2]!
  }
  shorten(node, count - 1)
}

/** Keeps `count` separators and the children around them. */
const shorten = (node: InnerNode, count: number): void => {
  for (let i = count; i < node.count; i++) {
    node.keys[i] = undefined!
    node.children[i + 1] = undefined!
  }
  node.count = count
}
