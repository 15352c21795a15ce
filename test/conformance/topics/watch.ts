// watch: history by revision, live by the interactive form (its `progress` tells when the watch is in place).
import { txn, type Session, type Topic } from '../step.js'

const history = [
  'put a 1',
  'put b 1',
  'put a 2',
  'del a',
  'put p/1 x',
  'put p/2 y',
  'put a 3',
  'del p/ --prefix',
  'put end .',
]

/** Watches from the first revision until the last key is seen. */
const fromHistory = (options: string, until: RegExp = /\nend\n/): Session => ({ session: `watch ${options}`, until })

export const watchTopics: readonly Topic[] = [
  {
    name: 'watch history',
    clients: ['3.5', '3.4'],
    steps: [
      ...history,
      fromHistory("'' --prefix --rev=1"),
      fromHistory("'' --prefix --rev=1 --prev-kv"),
      fromHistory("'' --prefix --rev=5"),
      fromHistory('a z --rev=2'),
      fromHistory('a --rev=2', /PUT\na\n3\n/),
      fromHistory('a --rev=2 --prev-kv', /PUT\na\n3\n/),
      fromHistory('p/ --prefix --rev=1', /DELETE\np\/1\n\nDELETE\np\/2\n/),
      fromHistory("'' --prefix --rev=1 -w json", /"ZW5k"/),
      fromHistory("'' --prefix --rev=1 -w fields", /"Key" : "end"/),
      { session: '--hex watch a --rev=2', until: /PUT\n\\x61\n\\x33\n/ },
      { session: 'watch end --rev=1 -- echo noticed', until: /noticed\n/ },
      { session: "watch end --rev=1 -- sh -c 'echo $ETCD_WATCH_KEY'", until: /\n"end"\n/ },
    ],
  },
  {
    name: 'watch what was compacted',
    steps: [
      ...history,
      'compact 5 --physical',
      { session: 'watch a --rev=2' },
      { session: 'watch a --rev=4 -w json' },
      fromHistory('a --rev=5', /PUT\na\n3\n/),
      fromHistory('a --rev=5 --prev-kv', /PUT\na\n3\n/),
      fromHistory("'' --prefix --rev=6"),
    ],
  },
  {
    name: 'watch live',
    steps: [
      'put before x',
      {
        session: 'watch -i',
        say: [
          ['watch k --prefix --prev-kv', /^/],
          ['progress', /progress notify: 2\n/],
        ],
        meanwhile: ['put k1 a', 'put k2 b', 'put other c', 'put k1 d', 'del k --prefix', 'put k-end .'],
        until: /PUT\n\n\n?k-end\n|PUT\nk-end\n/,
      },
      // One transaction, one revision. (Two watches in one session would come in either order.)
      {
        session: 'watch -i',
        say: [
          ['watch a z', /^/],
          ['progress', /progress notify: 8\n/],
        ],
        meanwhile: [txn('', [], ['put two 2', 'put one 1', 'del k', 'put three 3'], []), 'del one'],
        until: /DELETE\none\n/,
      },
      { session: 'watch -i', say: [['nonsense', /^/]] },
      { session: 'watch' },
    ],
  },
]
