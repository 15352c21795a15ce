// The links between members: a leader and two followers in this process, on loopback sockets. Every round the leader sends
// each follower one append of `entries` entries, every follower answers each with an acknowledgement.
//
//   npm run build && node bench/peer.mjs [seconds per case]
//
// CPU is that of all three members together, per append and its acknowledgement.
import { connected, entries, join, message, startMember } from '../dist/transport/peer/testing.js'
import { BatchWriter } from '../dist/transport/peer/frames.js'
import { raftpb } from '../dist/proto/index.js'

const seconds = Number(process.argv[2] ?? 2)
const VALUE_BYTES = 300
const { MessageType } = raftpb

async function round(entriesPerAppend, inFlight) {
  const [leader, ...followers] = [await startMember(1), await startMember(2), await startMember(3)]
  join(leader, ...followers)
  await connected(leader, ...followers)
  const log = entries(1, entriesPerAppend, VALUE_BYTES)
  let done = false
  let acks = 0
  let waiting = 0
  let sends = 0
  const latencies = []
  const starts = []
  const sendRound = () => {
    const list = followers.map((follower) => message(MessageType.MsgApp, leader, follower, { entries: log }))
    starts.push(performance.now())
    waiting += followers.length
    sends++
    leader.network.send(list)
  }
  for (const follower of followers) {
    follower.receiver.onMessages = (messages) => {
      follower.network.send(messages.map(() => message(MessageType.MsgAppResp, follower, leader)))
    }
  }
  const finished = new Promise((resolve) => {
    leader.receiver.onMessages = (messages) => {
      acks += messages.length
      waiting -= messages.length
      while (acks >= 2 * (latencies.length + 1)) latencies.push(performance.now() - starts[latencies.length])
      if (!done) while (waiting + 2 <= 2 * inFlight) sendRound()
      else if (waiting === 0) resolve()
    }
  })
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < inFlight; i++) sendRound()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  done = true
  await finished
  const elapsed = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  latencies.sort((x, y) => x - y)
  const cpuUs = (used.user + used.system) / acks
  const pairs = acks / elapsed
  console.log(
    `${String(entriesPerAppend).padStart(5)} entries, ${String(inFlight).padStart(3)} in flight: ` +
      `${pairs.toFixed(0).padStart(7)} appends and acks/s, ${((pairs / 2) * entriesPerAppend).toFixed(0).padStart(7)} entries/s to both, ` +
      `${cpuUs.toFixed(1).padStart(6)} us CPU each (${(cpuUs / entriesPerAppend).toFixed(2)} per entry), ` +
      `p50 ${latencies[latencies.length >> 1].toFixed(2)} ms, ${(sends / elapsed).toFixed(0)} rounds/s`,
  )
  await Promise.all([leader, ...followers].map((member) => member.close()))
}

/** What sharing the encoded entries between two followers saves. */
function encoding(entriesPerAppend) {
  const log = entries(1, entriesPerAppend, VALUE_BYTES)
  const pair = [2n, 3n].map((to) => [message(MessageType.MsgApp, 1n, to, { entries: log })])
  const rounds = Math.ceil(200_000 / entriesPerAppend)
  const time = (shared) => {
    const writer = new BatchWriter()
    const start = performance.now()
    for (let i = 0; i < rounds; i++) {
      writer.write(pair[0], i)
      if (!shared) writer.endTurn()
      writer.write(pair[1], i)
      writer.endTurn()
    }
    return ((performance.now() - start) * 1000) / rounds / entriesPerAppend
  }
  time(true)
  time(false)
  console.log(
    `encode for two, ${String(entriesPerAppend).padStart(5)} entries: shared ${time(true).toFixed(2)} us per entry, each alone ${time(false).toFixed(2)}`,
  )
}

for (const count of [1, 10, 100, 500]) encoding(count)
await round(1, 1)
await round(1, 64)
await round(10, 4)
await round(100, 4)
await round(500, 2)
