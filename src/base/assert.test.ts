import t from 'tap'
import { invariant, InvariantViolation } from './assert.js'

const textOf = (fail: () => void): string => {
  try {
    fail()
  } catch (error) {
    return error instanceof InvariantViolation ? error.message : `another error: ${String(error)}`
  }
  return 'none'
}

t.test('values take the places that the text has for them', async (t) => {
  const term: number = 7
  t.equal(
    textOf(() => invariant(term === 8, 'term % of member % is behind %', term, 2n ** 63n, 'the log')),
    'term 7 of member 9223372036854775808 is behind the log',
  )
  t.equal(
    textOf(() => invariant(term === 8, 'plain')),
    'plain',
  )
})

t.test('a value with a place holder in it is told as it is', async (t) => {
  const known: boolean = false
  t.equal(
    textOf(() => invariant(known, 'metric % of %', 'a%b$&', 1)),
    'metric a%b$& of 1',
  )
})

t.test('nothing happens to what holds', async (t) => {
  t.equal(
    textOf(() => invariant(t !== undefined, 'never told %', 1)),
    'none',
  )
})
