import t from 'tap'
import { type MemberId, NO_INDEX, NO_TERM, index, term } from '../base/index.js'
import { raftpb } from '../proto/index.js'
import { DEFAULT_LIMITS, RawNode } from '../raft/index.js'
import { HeartbeatGaps } from './heartbeat-gaps.js'
import { RaftDriver } from './raft-driver.js'
import { LogLines, MemoryLog, SilentNetwork, SimClock } from './testing.js'

const SELF = 1n as MemberId
const LEADER = 2n as MemberId
const { MessageType } = raftpb

const confState = (): raftpb.ConfState => {
  const state = new raftpb.ConfState()
  state.voters = [SELF, LEADER]
  return state
}

const follower = (compacted = { index: NO_INDEX, term: NO_TERM }) => {
  const clock = new SimClock()
  const log = new MemoryLog()
  const network = new SilentNetwork<raftpb.Message>()
  const fatal: string[] = []
  const applied: number[] = []
  /** Entries applied and messages sent, in order. */
  const order: string[] = []
  const counts = { late: 0 }
  const installs: { readonly at: number; readonly done: () => void }[] = []
  const node = new RawNode(
    {
      id: SELF,
      electionTicks: 10,
      heartbeatTicks: 1,
      preVote: true,
      checkQuorum: true,
      ...DEFAULT_LIMITS,
      random: { below: () => 0, uint64: () => 0n },
      stepDownOnRemoval: false,
      snapshotSource: () => undefined,
    },
    {
      hardState: { term: term(1), vote: 0n as MemberId, commit: compacted.index },
      compacted,
      entries: [],
      applied: compacted.index,
      confState: confState(),
    },
  )
  const driver: RaftDriver = new RaftDriver({
    node,
    log,
    peers: {
      send: (messages) => {
        for (const { type, entries } of messages) order.push(`send ${type} ${entries.length}`)
        network.send(messages)
      },
    },
    clock,
    logger: new LogLines(),
    observer: {
      onCommitted: (entries) => {
        for (const entry of entries) {
          applied.push(entry.index)
          order.push(`apply ${entry.index}`)
        }
        driver.node.onApplied(entries.at(-1)!.index)
      },
      onReadIndex: () => undefined,
      onLeadership: () => undefined,
      onSnapshotMessage: () => undefined,
      installSnapshot: (snapshot) => new Promise((done) => installs.push({ at: snapshot.metadata!.index, done })),
      onFatal: (error) => fatal.push(error.message),
    },
    heartbeats: new HeartbeatGaps({ clock, heartbeatMs: 100, late: { inc: () => counts.late++ } }),
  })
  const acknowledged = (): number[] =>
    network.sent.filter(({ type }) => type === MessageType.MsgAppResp).map((message) => message.index)
  return { clock, log, network, driver, fatal, applied, order, counts, installs, acknowledged }
}

type Setup = ReturnType<typeof follower>

/** Makes it the leader, by the votes of the other. */
const elect = async ({ driver, clock }: Setup): Promise<void> => {
  driver.campaign()
  await clock.settle()
  const at = term(driver.node.term + (driver.node.role === 'preCandidate' ? 1 : 0))
  driver.step([fromLeader(MessageType.MsgPreVoteResp, { term: at })])
  await clock.settle()
  driver.step([fromLeader(MessageType.MsgVoteResp, { term: at })])
  await clock.settle()
}

const fromLeader = (type: number, fields: Partial<raftpb.Message>): raftpb.Message =>
  Object.assign(new raftpb.Message(), { type, from: LEADER, to: SELF, term: term(2) }, fields)

const snapshotAt = (at: number): raftpb.Message => {
  const snapshot = new raftpb.Snapshot()
  snapshot.metadata = new raftpb.SnapshotMetadata()
  snapshot.metadata.index = index(at)
  snapshot.metadata.term = term(2)
  snapshot.metadata.confState = confState()
  return fromLeader(MessageType.MsgSnap, { snapshot })
}

const appendAt = (prev: number, commit: number): raftpb.Message => {
  const entry = new raftpb.Entry()
  entry.term = term(2)
  entry.index = index(prev + 1)
  entry.data = Buffer.from('x')
  const [at, logTerm] = [index(prev), term(2)]
  return fromLeader(MessageType.MsgApp, { index: at, logTerm, commit: index(commit), entries: [entry] })
}

t.test('what follows on a snapshot is neither acknowledged nor applied before its state is installed', async (t) => {
  const { clock, log, driver, fatal, applied, installs, acknowledged } = follower()
  driver.step([snapshotAt(10)])
  await clock.settle()
  t.same(log.calls.at(-1), 'install 10')
  t.same(
    installs.map(({ at }) => at),
    [10],
  )
  driver.step([appendAt(10, 10)])
  driver.step([appendAt(11, 12)])
  driver.step([fromLeader(MessageType.MsgHeartbeat, { commit: index(12) })])
  await clock.settle()
  t.same(acknowledged(), [], 'the log has it all, the state machine does not')
  t.same(applied, [])
  installs[0]!.done()
  await clock.settle()
  t.same(acknowledged(), [10, 11, 12])
  t.same(applied, [11, 12])
  driver.step([appendAt(12, 13)])
  await clock.settle()
  t.same(acknowledged().at(-1), 13)
  t.same(applied, [11, 12, 13])
  t.same(fatal, [])
})

t.test('jobs are reported in order however the writes around an installation end', async (t) => {
  const { clock, driver, fatal, installs, acknowledged } = follower()
  driver.step([snapshotAt(10)])
  await clock.settle()
  installs[0]!.done()
  // While the end of the installation travels through the promises, more is written every turn of them.
  for (let at = 10; at < 30; at++) {
    driver.step([appendAt(at, at)])
    await Promise.resolve()
  }
  await clock.settle()
  t.same(fatal, [])
  t.equal(acknowledged().at(-1), 30)
})

t.test('a leader counts the heartbeats that come late for what was sent before', async (t) => {
  const setup = follower()
  const { clock, network, driver, fatal, counts } = setup
  const heartbeats = (): number => network.sent.filter(({ type }) => type === MessageType.MsgHeartbeat).length
  const tickAfter = async (ms: number): Promise<void> => {
    clock.skip(ms)
    driver.tick()
    await clock.settle()
  }
  await elect(setup)
  t.equal(driver.node.role, 'leader')
  await tickAfter(1000)
  t.equal(counts.late, 0, 'the first has none before it')
  await tickAfter(100)
  await tickAfter(200)
  t.equal(counts.late, 0, 'twice the interval is in time')
  await tickAfter(201)
  t.equal(counts.late, 1)
  t.equal(heartbeats(), 4)
  driver.step([fromLeader(MessageType.MsgHeartbeat, { term: term(driver.node.term + 1) })])
  await clock.settle()
  t.equal(driver.node.role, 'follower')
  clock.skip(10_000)
  await elect(setup)
  await tickAfter(1000)
  t.equal(counts.late, 1, 'led by another in between')
  t.same(fatal, [])
})

t.test(
  'answers of what is applied leave before messages that only tell of the commit, new entries before both',
  async (t) => {
    const setup = follower()
    const { clock, driver, order, fatal } = setup
    await elect(setup)
    const acknowledge = async (at: number): Promise<void> => {
      driver.step([fromLeader(MessageType.MsgAppResp, { term: driver.node.term, index: index(at) })])
      await clock.settle()
    }
    await acknowledge(1)
    driver.propose([Buffer.from('a')])
    await clock.settle()
    order.length = 0
    await acknowledge(2)
    t.same(order, ['apply 2', `send ${MessageType.MsgApp} 0`])
    driver.propose([Buffer.from('b')])
    await clock.settle()
    order.length = 0
    // The commit of one entry and the next entry in one go.
    driver.node.step(fromLeader(MessageType.MsgAppResp, { term: driver.node.term, index: index(3) }))
    driver.propose([Buffer.from('c')])
    t.same(order, [`send ${MessageType.MsgApp} 1`, 'apply 3'])
    await clock.settle()
    await acknowledge(4)
    order.length = 0
    const change = new raftpb.ConfChange()
    change.type = raftpb.ConfChangeType.ConfChangeRemoveNode
    change.nodeId = LEADER
    driver.proposeConfChange(change)
    await clock.settle()
    order.length = 0
    await acknowledge(5)
    t.same(order.slice(0, 2), [`send ${MessageType.MsgApp} 0`, 'apply 5'], 'who is removed is told')
    t.same(fatal, [])
  },
)

t.test('a turn that has worked for long enough leaves the rest to the next, whoever asks', async (t) => {
  const setup = follower()
  const { clock, driver, order } = setup
  await elect(setup)
  driver.step([fromLeader(MessageType.MsgAppResp, { term: driver.node.term, index: index(1) })])
  await clock.settle()
  const turns: (() => void)[] = []
  let nowMs = clock.monotonicMs()
  // Each look at the time finds the turn used up.
  clock.monotonicMs = () => (nowMs += 10)
  clock.soon = (callback) => void turns.push(callback)
  order.length = 0
  driver.propose([Buffer.from('a')])
  t.same(order, [`send ${MessageType.MsgApp} 1`])
  driver.propose([Buffer.from('b')])
  driver.tick()
  t.equal(order.length, 1, 'nothing more in this turn')
  t.equal(turns.length, 1)
  for (const turn of turns.splice(0)) turn()
  t.ok(order.length > 1, 'the next one goes on')
})

t.test('after a snapshot a member rests as long as a turn took, for two seconds', async (t) => {
  const { clock, driver, installs, applied, fatal } = follower()
  driver.step([snapshotAt(10)])
  await clock.settle()
  installs[0]!.done()
  await clock.settle()
  const rests: number[] = []
  const { after } = clock
  clock.after = (delayMs, callback) => {
    rests.push(delayMs)
    return after.call(clock, delayMs, callback)
  }
  /** Brings the next entry in a turn that takes `ms`. */
  const turnOf = async (ms: number, at: number): Promise<void> => {
    const now = clock.monotonicMs.bind(clock)
    let looks = 0
    clock.monotonicMs = () => now() + (looks++ === 0 ? 0 : ms)
    driver.step([appendAt(at, at + 1)])
    clock.monotonicMs = now
    await clock.settle()
  }
  await turnOf(7, 10)
  t.same(rests, [7])
  t.same(applied, [])
  await clock.advance(8)
  t.same(applied, [11], 'it goes on')
  await turnOf(500, 11)
  t.same(rests, [7, 50], 'a stall is not made up for')
  await clock.advance(2000)
  await turnOf(7, 12)
  t.same(rests, [7, 50], 'later it gives way to what arrived, and goes on')
  t.same(applied, [11, 12, 13])
  t.same(fatal, [])
})
