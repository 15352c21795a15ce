// A B+ tree from keys to numbers. Half of a lookup among millions of keys is waiting for memory, and strings lie apart: so each node
// keeps a number beside every key, made of the six bytes that tell its keys apart best, and searches those first.
//
// What makes this short: whatever is looked for in a node lies between two separators of the nodes above, so it begins with all that
// those two have in common. A node knows the length of that (`shared`); it changes only when nodes are split or merged.

import type { Key } from '../base/index.js'
import type { Steps } from './slices.js'

/** Wide nodes: few levels and objects, and walks stay in one array longer. */
const NODE_KEYS_MAX = 64
/** Bytes in an ordinal: as many as a double holds exactly. */
const ORDINAL_BYTES = 6

/** What `get` answers for a key that is not in the tree; values are from 0 on. */
export const NOTHING = -1

class TreeNode {
  /** Keys in use; the arrays are longer. */
  count = 0
  /** Every key that belongs here begins with the same so many bytes. */
  shared = 0
  /** Of a leaf its keys, ascending; else the separators: `keys[i]` is at or below all keys of child i + 1 and above those of child i. */
  readonly keys: Key[]
  /** Of `keys[i]` the bytes from `shared` on, as a number: never descends, and may be equal for different keys. */
  readonly ordinals: number[]
  /** Of a leaf. */
  readonly values: number[]
  /** One more than keys; empty in a leaf. */
  readonly children: TreeNode[]
  /** The leaf behind this one. */
  next: TreeNode | undefined

  constructor(isLeaf: boolean, keysMax: number) {
    this.keys = new Array<Key>(keysMax)
    // With a fraction in it V8 keeps plain doubles: nothing that a collection would have to visit.
    this.ordinals = new Array<number>(keysMax).fill(0.5)
    this.values = isLeaf ? new Array<number>(keysMax).fill(NOTHING) : []
    this.children = isLeaf ? [] : new Array<TreeNode>(keysMax + 1)
    this.next = undefined
  }
}

/** Where a search went, one entry per level from the root. */
interface Path {
  readonly nodes: TreeNode[]
  /** Which child was taken; in a leaf, where the key is or belongs. */
  readonly positions: number[]
}

export class KeyTree {
  readonly #keysMax: number
  #root: TreeNode
  /** Levels of inner nodes. */
  #height = 0
  #size = 0
  // A put is nearly always looked up right before: what was found last spares the second search.
  #lastKey: Key | undefined
  #lastLeaf: TreeNode
  #lastPos = 0
  #lastValue = NOTHING

  /** `keysMax` >= 2 keys per node. */
  constructor(keysMax = NODE_KEYS_MAX) {
    this.#keysMax = keysMax
    this.#root = this.#lastLeaf = new TreeNode(true, keysMax)
  }

  get size(): number {
    return this.#size
  }

  get(key: Key): number {
    if (key === this.#lastKey) return this.#lastValue
    let node = this.#root
    for (let level = this.#height; level > 0; level--) node = node.children[childFor(node, key)]!
    const pos = search(node, key)
    const value = pos < 0 ? NOTHING : node.values[pos]!
    this.#lastKey = key
    this.#lastLeaf = node
    this.#lastPos = pos < 0 ? ~pos : pos
    this.#lastValue = value
    return value
  }

  /** `key` is not in the tree; `value` >= 0. */
  add(key: Key, value: number): void {
    this.get(key)
    this.#size++
    if (this.#lastLeaf.count < this.#keysMax) {
      insert(this.#lastLeaf, this.#lastPos, key, value)
      this.#lastValue = value
    } else {
      this.#split(this.#pathTo(key), key, value)
      this.#lastKey = undefined
    }
  }

  /** Takes `key` out; returns its value, NOTHING when it was not there. */
  remove(key: Key): number {
    const value = this.get(key)
    if (value === NOTHING) return NOTHING
    const path = this.#pathTo(key)
    this.#lastKey = undefined
    this.#size--
    takeOut(path.nodes[this.#height]!, path.positions[this.#height]!)
    this.#mergeUpwards(path)
    return value
  }

  /** Fills the empty tree; `keys` ascend. Yields every now and then; nobody else may use the tree meanwhile. */
  *loadSteps(keys: readonly Key[], values: readonly number[]): Steps<void> {
    // Some room in each, or the first keys that come would split them all.
    const fill = Math.max(1, (this.#keysMax * 7) >> 3)
    let level: TreeNode[] = []
    for (let from = 0; from < keys.length; from += fill) {
      const leaf = new TreeNode(true, this.#keysMax)
      leaf.count = Math.min(fill, keys.length - from)
      for (let i = 0; i < leaf.count; i++) {
        leaf.keys[i] = keys[from + i]!
        leaf.values[i] = values[from + i]!
      }
      setShared(leaf, from === 0 ? undefined : leaf.keys[0], keys[from + fill])
      const before = level.at(-1)
      if (before !== undefined) before.next = leaf
      level.push(leaf)
      if (level.length % 16 === 0) yield
    }
    this.#size = keys.length
    if (level.length === 0) return
    // The first key of each node of `level`.
    let firsts = level.map((leaf) => leaf.keys[0]!)
    while (level.length > 1) {
      const above: TreeNode[] = []
      for (let from = 0; from < level.length; from += fill + 1) {
        const node = new TreeNode(false, this.#keysMax)
        const children = level.slice(from, from + fill + 1)
        for (const [i, child] of children.entries()) {
          node.children[i] = child
          if (i > 0) node.keys[i - 1] = firsts[from + i]!
        }
        node.count = children.length - 1
        setShared(node, from === 0 ? undefined : firsts[from], firsts[from + fill + 1])
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
   * Visits up to `max` >= 1 entries of [lo, hi) in key order; `hi` may lie behind all keys. Returns the key of the last one when there
   * may be more, undefined at the end. `visit` must not add or remove keys.
   */
  walk(lo: Key, hi: Key, max: number, visit: (key: Key, value: number) => void): Key | undefined {
    let leaf: TreeNode | undefined = this.#root
    for (let level = this.#height; level > 0; level--) leaf = leaf.children[childFor(leaf, lo)]!
    let pos = positionOf(leaf, lo)
    let left = max
    for (; leaf !== undefined; leaf = leaf.next, pos = 0) {
      const { keys, values } = leaf
      const end = endIn(leaf, hi)
      for (; pos < end; pos++) {
        visit(keys[pos]!, values[pos]!)
        if (--left === 0) return keys[pos]
      }
      if (end < leaf.count) return undefined
    }
    return undefined
  }

  #pathTo(key: Key): Path {
    const nodes = [this.#root]
    const positions: number[] = []
    for (let level = 0; level < this.#height; level++) {
      const node = nodes[level]!
      const pos = childFor(node, key)
      positions.push(pos)
      nodes.push(node.children[pos]!)
    }
    positions.push(positionOf(nodes[this.#height]!, key))
    return { nodes, positions }
  }

  /** Puts `key` into the full leaf at the end of `path`, which becomes two. */
  #split(path: Path, key: Key, value: number): void {
    const leaf = path.nodes[this.#height]!
    const pos = path.positions[this.#height]!
    const right = new TreeNode(true, this.#keysMax)
    right.next = leaf.next
    leaf.next = right
    // Keys that come in order fill their leaves.
    const kept = pos === leaf.count ? leaf.count : leaf.count >> 1
    moveKeys(leaf, kept, right)
    for (let i = 0; i < right.count; i++) {
      right.values[i] = leaf.values[kept + i]!
      leaf.values[kept + i] = NOTHING
    }
    const separator = right.count === 0 ? key : right.keys[0]!
    this.#setFences(path, this.#height, leaf, separator, right)
    if (pos <= kept && right.count > 0) insert(leaf, pos, key, value)
    else insert(right, pos - kept, key, value)
    this.#splitAbove(path, this.#height - 1, separator, right)
  }

  /** Enters `right` behind the child that `path` takes at `level`, with `separator` between the two. */
  #splitAbove(path: Path, level: number, separator: Key, right: TreeNode): void {
    if (level < 0) {
      const root = new TreeNode(false, this.#keysMax)
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
    const sibling = new TreeNode(false, this.#keysMax)
    const kept = node.count >> 1
    const middle = node.keys[kept]!
    moveKeys(node, kept + 1, sibling)
    node.count = kept
    node.keys[kept] = undefined!
    for (let i = 0; i <= sibling.count; i++) {
      sibling.children[i] = node.children[kept + 1 + i]!
      node.children[kept + 1 + i] = undefined!
    }
    this.#setFences(path, level, node, middle, sibling)
    if (pos <= kept) insertChild(node, pos, separator, right)
    else insertChild(sibling, pos - kept - 1, separator, right)
    this.#splitAbove(path, level - 1, middle, sibling)
  }

  /** `left`, the node of `path` at `level`, and `right` were one: `middle` is between them now. */
  #setFences(path: Path, level: number, left: TreeNode, middle: Key, right: TreeNode): void {
    setShared(left, this.#lowFence(path, level), middle)
    setShared(right, middle, this.#highFence(path, level))
  }

  /** The separator right below the node of `path` at `level`; undefined when no key is. */
  #lowFence(path: Path, level: number): Key | undefined {
    for (let above = level - 1; above >= 0; above--) {
      const pos = path.positions[above]!
      if (pos > 0) return path.nodes[above]!.keys[pos - 1]
    }
    return undefined
  }

  /** The separator right above it. */
  #highFence(path: Path, level: number): Key | undefined {
    for (let above = level - 1; above >= 0; above--) {
      const pos = path.positions[above]!
      const node = path.nodes[above]!
      if (pos < node.count) return node.keys[pos]
    }
    return undefined
  }

  /** Nodes that have become small join a neighbour of the same parent, where one has room. */
  #mergeUpwards(path: Path): void {
    for (let level = this.#height; level > 0; level--) {
      const node = path.nodes[level]!
      if (node.count >= this.#keysMax >> 2) break
      const parent = path.nodes[level - 1]!
      const pos = path.positions[level - 1]!
      const isLeaf = level === this.#height
      if (pos < parent.count && this.#fits(node, parent.children[pos + 1]!, isLeaf))
        this.#merge(path, level, pos, isLeaf)
      else if (pos > 0 && this.#fits(parent.children[pos - 1]!, node, isLeaf)) this.#merge(path, level, pos - 1, isLeaf)
      else break
    }
    while (this.#height > 0 && this.#root.count === 0) {
      this.#root = this.#root.children[0]!
      this.#height--
    }
  }

  #fits(left: TreeNode, right: TreeNode, isLeaf: boolean): boolean {
    return left.count + right.count + (isLeaf ? 0 : 1) <= this.#keysMax
  }

  /** Moves all of child `at + 1` of the parent at `level - 1` into child `at`. */
  #merge(path: Path, level: number, at: number, isLeaf: boolean): void {
    const parent = path.nodes[level - 1]!
    const left = parent.children[at]!
    const right = parent.children[at + 1]!
    if (!isLeaf) left.keys[left.count++] = parent.keys[at]!
    for (let i = 0; i < right.count; i++) left.keys[left.count + i] = right.keys[i]!
    if (isLeaf) for (let i = 0; i < right.count; i++) left.values[left.count + i] = right.values[i]!
    else for (let i = 0; i <= right.count; i++) left.children[left.count + i] = right.children[i]!
    left.count += right.count
    if (isLeaf) left.next = right.next
    const low = at > 0 ? parent.keys[at - 1] : this.#lowFence(path, level - 1)
    const high = at + 1 < parent.count ? parent.keys[at + 1] : this.#highFence(path, level - 1)
    setShared(left, low, high)
    takeOutChild(parent, at)
  }
}

/** The bytes of `key` from `at` on as a number; those behind its end count as zero. */
const ordinalOf = (key: Key, at: number): number => {
  const { length } = key
  if (at + ORDINAL_BYTES <= length) return threeBytes(key, at) * 0x1000000 + threeBytes(key, at + 3)
  let ordinal = 0
  for (let i = at; i < at + ORDINAL_BYTES; i++) ordinal = ordinal * 256 + (i < length ? key.charCodeAt(i) : 0)
  return ordinal
}

const threeBytes = (key: Key, at: number): number =>
  (key.charCodeAt(at) << 16) | (key.charCodeAt(at + 1) << 8) | key.charCodeAt(at + 2)

/**
 * Position of `key`, which belongs to `node`, or the complement (`~`) of where it would be: below zero. A string is looked at only when
 * its ordinal is the same: the others need not come from memory.
 */
const search = (node: TreeNode, key: Key): number => {
  const { ordinals, count } = node
  const ordinal = ordinalOf(key, node.shared)
  let lo = 0
  let hi = count
  while (lo < hi) {
    const mid = (lo + hi) >>> 1
    if (ordinals[mid]! < ordinal) lo = mid + 1
    else hi = mid
  }
  return lo < count && ordinals[lo] === ordinal ? searchAmongEqual(node, key, lo, ordinal) : ~lo
}

/** The same among the keys from `from` on that have this ordinal. */
const searchAmongEqual = ({ keys, ordinals, count }: TreeNode, key: Key, from: number, ordinal: number): number => {
  let lo = from
  let hi = from + 1
  while (hi < count && ordinals[hi] === ordinal) hi++
  const end = hi
  while (lo < hi) {
    const mid = (lo + hi) >>> 1
    if (keys[mid]! < key) lo = mid + 1
    else hi = mid
  }
  return lo < end && keys[lo] === key ? lo : ~lo
}

/** Position of the first entry of `leaf` that is not below `key`, which belongs there. */
const positionOf = (leaf: TreeNode, key: Key): number => {
  const pos = search(leaf, key)
  return pos < 0 ? ~pos : pos
}

/** Position of the child that `key` belongs to. */
const childFor = (node: TreeNode, key: Key): number => {
  const pos = search(node, key)
  return pos < 0 ? ~pos : pos + 1
}

/** How many entries of `leaf` are below `hi`, which need not belong there. */
const endIn = (leaf: TreeNode, hi: Key): number => {
  const { keys, count } = leaf
  if (count === 0 || keys[count - 1]! < hi) return count
  // Between two keys of the leaf: it begins as they do.
  return keys[0]! < hi ? positionOf(leaf, hi) : 0
}

/** What belongs to `node` is at or above `low` and below `high`; undefined: no bound. Its ordinals follow. */
const setShared = (node: TreeNode, low: Key | undefined, high: Key | undefined): void => {
  let shared = 0
  if (low !== undefined && high !== undefined) {
    const end = Math.min(low.length, high.length)
    while (shared < end && low.charCodeAt(shared) === high.charCodeAt(shared)) shared++
  }
  node.shared = shared
  for (let i = 0; i < node.count; i++) node.ordinals[i] = ordinalOf(node.keys[i]!, shared)
}

const insertKey = (node: TreeNode, pos: number, key: Key): void => {
  const { keys, ordinals, count } = node
  for (let i = count; i > pos; i--) {
    keys[i] = keys[i - 1]!
    ordinals[i] = ordinals[i - 1]!
  }
  keys[pos] = key
  ordinals[pos] = ordinalOf(key, node.shared)
  node.count = count + 1
}

const insert = (leaf: TreeNode, pos: number, key: Key, value: number): void => {
  const { values } = leaf
  for (let i = leaf.count; i > pos; i--) values[i] = values[i - 1]!
  values[pos] = value
  insertKey(leaf, pos, key)
}

/** Enters `child` behind child `pos`. */
const insertChild = (node: TreeNode, pos: number, separator: Key, child: TreeNode): void => {
  const { children } = node
  for (let i = node.count + 1; i > pos + 1; i--) children[i] = children[i - 1]!
  children[pos + 1] = child
  insertKey(node, pos, separator)
}

const takeOutKey = (node: TreeNode, pos: number): void => {
  const { keys, ordinals } = node
  const last = --node.count
  for (let i = pos; i < last; i++) {
    keys[i] = keys[i + 1]!
    ordinals[i] = ordinals[i + 1]!
  }
  keys[last] = undefined!
}

const takeOut = (leaf: TreeNode, pos: number): void => {
  const { values } = leaf
  takeOutKey(leaf, pos)
  for (let i = pos; i < leaf.count; i++) values[i] = values[i + 1]!
  values[leaf.count] = NOTHING
}

/** Takes out child `at + 1` and the separator before it. */
const takeOutChild = (node: TreeNode, at: number): void => {
  const { children } = node
  takeOutKey(node, at)
  for (let i = at + 1; i <= node.count; i++) children[i] = children[i + 1]!
  children[node.count + 1] = undefined!
}

/** Moves the keys of `node` from `from` on to the empty `target`; ordinals are left to `setShared`. */
const moveKeys = (node: TreeNode, from: number, target: TreeNode): void => {
  target.count = node.count - from
  for (let i = 0; i < target.count; i++) {
    target.keys[i] = node.keys[from + i]!
    node.keys[from + i] = undefined!
  }
  node.count = from
}
