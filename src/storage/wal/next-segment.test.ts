import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FileHandle, FileSystem } from '../../env/index.js'
import { nodeFileSystem } from '../../host/index.js'
import { NextSegment } from './next-segment.js'

const KIB = 1024
const SEGMENT = 4 * 1024 * KIB

/** Real files that tell the lengths of their durable writes. */
const setUp = (t: Test) => {
  const root = mkdtempSync(join(tmpdir(), 'quorate-next-segment-'))
  t.teardown(() => {
    rmSync(root, { recursive: true })
  })
  const pieces: number[] = []
  const told = (file: FileHandle): FileHandle =>
    Object.assign(Object.create(file) as FileHandle, {
      writeDurably: (bytes: Uint8Array, position: number) => {
        pieces.push(bytes.length)
        return file.writeDurably(bytes, position)
      },
      preallocate: (sizeBytes: number) => file.preallocate(sizeBytes),
      syncData: () => file.syncData(),
      sizeBytes: () => file.sizeBytes(),
      close: () => file.close(),
    })
  const real = nodeFileSystem()
  const fs = Object.assign(Object.create(real) as FileSystem, {
    open: async (path: string, how: 'create' | 'edit' | 'read') => told(await real.open(path, how)),
  })
  const path = join(root, 'next.tmp')
  return { next: new NextSegment(fs, path, SEGMENT), pieces, path }
}

const until = async (isDone: () => boolean): Promise<void> => {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1))
}
const sum = (pieces: readonly number[]): number => pieces.reduce((total, piece) => total + piece, 0)

t.test('zeros come in small pieces while the log grows slowly, a megabyte ahead of it', async (t) => {
  const { next, pieces } = setUp(t)
  next.follow(0)
  await until(() => sum(pieces) === 1024 * KIB)
  pieces.length = 0
  for (let offset = 400; offset < 512 * KIB; offset += 400) {
    await until(() => {
      next.follow(offset)
      return sum(pieces) >= offset
    })
  }
  t.ok(
    pieces.every((piece) => piece === 64 * KIB),
    `pieces of ${[...new Set(pieces)].join()}`,
  )
  await next.discard()
})

t.test('a log that grows fast gets larger ones, none behind the end of the segment', async (t) => {
  const { next, pieces, path } = setUp(t)
  next.follow(SEGMENT / 2 - 1024 * KIB)
  await until(() => sum(pieces) === SEGMENT / 2)
  t.same([...new Set(pieces)], [256 * KIB])
  await until(() => {
    next.follow(SEGMENT - 100)
    return sum(pieces) === SEGMENT
  })
  next.follow(SEGMENT)
  const file = await next.take()
  t.equal(await file.sizeBytes(), SEGMENT)
  t.ok(readFileSync(path).every((byte) => byte === 0))
  t.equal(sum(pieces), SEGMENT)
  await file.close()
})
