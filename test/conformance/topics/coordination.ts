// lock and elect: etcdctl does them with transactions, leases and watches of its own.
import type { Topic } from '../step.js'

export const coordinationTopics: readonly Topic[] = [
  {
    name: 'lock and elect',
    clients: ['3.5', '3.4'],
    steps: [
      'lock mutex echo locked',
      "lock mutex sh -c 'exit 7'",
      { session: 'lock mutex --ttl=30', until: /mutex\/\w+\n/, save: { LOCK: /mutex\/(\w+)/ } },
      'get mutex --prefix --keys-only',
      'lock',
      { session: 'elect race winner', until: /race\/\w+\nwinner\n/, save: { CANDIDATE: /race\/(\w+)/ } },
      'elect',
      { session: 'elect race first', until: /first\n/, meanwhile: [], save: { FIRST: /race\/(\w+)/ } },
    ],
  },
]
