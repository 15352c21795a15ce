// Hand-made watches: the legal ones must pass, each illegal one must be found out by the rule it breaks.
import t from 'tap'
import type { WatchMessage } from '../history.js'
import { HandMade, message } from './hand-made.js'
import type { Change } from './truth.js'
import type { Rule } from './violation.js'
import { checkWatches } from './watch.js'

const store = (): HandMade => new HandMade('a=1', 'a=2', 'b=3 c=3', '-a', 'a=5')
const [a2, a3, b4, c4, minusA5, a6] = store().changes as [Change, Change, Change, Change, Change, Change]
/** As the server sends them when nobody is slow. */
const live = (): WatchMessage[] => [
  message(2, [a2]),
  message(3, [a3]),
  message(4, [b4, c4]),
  message(5, [minusA5]),
  message(6, [a6]),
]
const withPrevious = ({ events, ...rest }: WatchMessage, previous: Change | null): WatchMessage => ({
  ...rest,
  events: events.map((event) => ({ ...event, previous: previous?.kv ?? null })),
})
const changed = (change: Change, kv: Partial<Change['kv']>): Change => ({ ...change, kv: { ...change.kv, ...kv } })

const legal: Record<string, HandMade> = {
  'everything as it happens': store().watch(1, live()),
  'everything at once': store().watch(2, [message(6, [a2, a3, b4, c4, minusA5, a6])]),
  'an end in the middle': store().watch(1, live().slice(0, 3)),
  'a start in the middle': store().watch(4, live().slice(2)),
  'a start in the future': store().watch(9, []),
  'from now': store().watch(0, live().slice(2), {}, 3),
  'never created': store().watch(0, [], {}, 3),
  'progress notices': store().watch(1, [
    ...live().slice(0, 2),
    message(3, []),
    message(3, []),
    ...live().slice(2),
    message(6, []),
  ]),
  'one key': store().watch(1, [message(4, [b4])], { key: 'b', end: undefined }),
  'puts only': store().watch(1, [message(6, [a2, a3, b4, c4, a6])], { noDelete: true }),
  'deletes only, with a notice': store().watch(1, [message(4, []), message(5, [minusA5])], { noPut: true }),
  'fragments of one response': store().watch(4, [message(4, [b4], true), message(4, [c4]), message(5, [minusA5])]),
  'previous values': store().watch(2, [withPrevious(message(2, [a2]), null), withPrevious(message(3, [a3]), a2)], {
    previous: true,
  }),
}

const illegal: Record<string, [Rule, HandMade]> = {
  'an older event after a newer one': ['watch order', store().watch(1, [message(3, [a3, a2])])],
  'an older message after a newer one': ['watch order', store().watch(1, [message(3, [a3]), message(3, [a2])])],
  'keys of a revision out of order': ['watch order', store().watch(4, [message(4, [c4, b4])])],
  'an event twice in one message': ['watch unique', store().watch(1, [message(2, [a2, a2])])],
  'an event again later': ['watch unique', store().watch(1, [...live(), message(6, [a6])])],
  'a revision in two messages': ['watch atomic', store().watch(4, [message(4, [b4]), message(4, [c4])])],
  'half a revision': ['watch atomic', store().watch(4, [message(4, [b4]), message(5, [minusA5])])],
  'half a revision at the end': ['watch atomic', store().watch(4, [message(4, [b4])])],
  'an event missing in the middle': ['watch reliable', store().watch(1, [message(2, [a2]), ...live().slice(2)])],
  'an event missing at the start': ['watch reliable', store().watch(2, live().slice(1))],
  'an event missing after now': ['watch reliable', store().watch(0, live().slice(3), {}, 3)],
  'a delete missing': ['watch reliable', store().watch(1, live().toSpliced(3, 1))],
  'an event before the start': ['watch resumable', store().watch(3, live())],
  'an event before now': ['watch resumable', store().watch(0, live(), {}, 4)],
  'a watch in the future that gets the present': ['watch resumable', store().watch(9, live().slice(3))],
  'a notice before its event': ['watch bookmark', store().watch(1, [message(2, []), message(2, [a2])])],
  'a notice instead of an event': ['watch bookmark', store().watch(1, [message(2, [a2]), message(3, [])])],
  'a notice that skips a filtered event': ['watch bookmark', store().watch(1, [message(5, [])], { noPut: true })],
  'a notice older than an event': ['watch bookmark', store().watch(1, [...live().slice(0, 2), message(2, [])])],
  'notices that go back': ['watch bookmark', store().watch(4, [message(3, []), message(2, [])])],
  'a notice of what never was': ['watch bookmark', store().watch(1, [...live(), message(7, [])])],
  'a wrong value': ['watch content', store().watch(1, [message(2, [changed(a2, { value: '9' })])])],
  'a wrong version': ['watch content', store().watch(1, [message(2, [changed(a2, { version: 2 })])])],
  'a put for a delete': ['watch content', store().watch(5, [message(5, [{ type: 'put', kv: minusA5.kv }])])],
  'an event that never happened': ['watch content', store().watch(7, [message(7, [changed(a6, { modRevision: 7 })])])],
  'a key that was not asked for': ['watch content', store().watch(1, [message(4, [c4])], { key: 'b', end: undefined })],
  'a put that was not asked for': ['watch content', store().watch(6, [message(6, [a6])], { noPut: true })],
  'a delete that was not asked for': ['watch content', store().watch(5, [message(5, [minusA5])], { noDelete: true })],
  'an event newer than its header': ['watch content', store().watch(1, [message(1, [a2])])],
  'no previous value': ['watch content', store().watch(3, [message(3, [a3])], { previous: true })],
  'a wrong previous value': [
    'watch content',
    store().watch(3, [withPrevious(message(3, [a3]), a3)], { previous: true }),
  ],
  'a previous value of nothing': [
    'watch content',
    store().watch(2, [withPrevious(message(2, [a2]), a2)], { previous: true }),
  ],
  'a previous value that was not asked for': ['watch content', store().watch(3, [withPrevious(message(3, [a3]), a2)])],
}

for (const [name, { segments, truth }] of Object.entries(legal))
  t.test(`legal: ${name}`, async (t) => t.same(checkWatches(segments, truth), []))

for (const [name, [rule, { segments, truth }]] of Object.entries(illegal))
  t.test(`illegal: ${name}`, async (t) => {
    const rules = checkWatches(segments, truth).map((found) => found.rule)
    t.ok(rules.includes(rule), `${rule} is among ${rules.join(', ')}`)
  })
