// The generated files belong to the .proto files beside them, and those are what others can load.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { loadSync } from '@grpc/proto-loader'
import t from 'tap'
import {
  type LogConfState,
  type LogEntry,
  type LogHardState,
  type Service,
  streamMethod,
  unaryMethod,
} from '../env/index.js'
import { etcdserverpb, raftpb } from './index.js'
import { loadSuite, namespaceOf, repositoryRoot } from './testing.js'

t.test('"npm run generate" would change nothing', async (t) => {
  const script = join(repositoryRoot, 'scripts/generate-proto.mjs')
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  t.equal(stderr, '')
  t.equal(status, 0)
})

interface Descriptor {
  readonly name: string
  readonly methods: Readonly<Record<string, { readonly name: string; readonly kind: string }>>
}

t.test('service descriptors name every method with its kind and codecs', async (t) => {
  const { services } = await loadSuite()
  t.same(services.map(({ model }) => model.full).sort(), [
    'etcdserverpb.Auth',
    'etcdserverpb.Cluster',
    'etcdserverpb.KV',
    'etcdserverpb.Lease',
    'etcdserverpb.Maintenance',
    'etcdserverpb.Watch',
    'grpc.health.v1.Health',
    'quoratepeer.Query',
    'quoratepeer.Raft',
    'v3electionpb.Election',
    'v3lockpb.Lock',
  ])
  for (const { file, model } of services) {
    const descriptor = namespaceOf(file)[`${model.name}Service`] as Descriptor
    t.equal(descriptor.name, model.full)
    t.same(
      Object.values(descriptor.methods).map(({ name, kind }) => [name, kind]),
      model.methods.map(({ name, kind }) => [name, kind]),
    )
  }
  const { range, rangeStream } = etcdserverpb.KVService.methods
  t.equal(range.request, etcdserverpb.RangeRequestCodec)
  t.equal(rangeStream.response, etcdserverpb.RangeStreamResponseCodec)
  t.equal(etcdserverpb.WatchService.methods.watch.kind, 'bidi_stream')
})

t.test('method tables of env/ are built from descriptors, with the types of their messages', async (t) => {
  const { range, rangeStream } = etcdserverpb.KVService.methods
  const service: Service = {
    name: etcdserverpb.KVService.name,
    methods: [
      unaryMethod({
        ...range,
        handle(request, call) {
          const response = new etcdserverpb.RangeResponse()
          response.count = request.limit + 1
          call.respond(response)
        },
      }),
      streamMethod({
        ...rangeStream,
        open: (call) => ({
          onMessage: (request) => {
            const response = new etcdserverpb.RangeStreamResponse()
            response.rangeResponse = new etcdserverpb.RangeResponse()
            response.rangeResponse.count = request.limit
            call.send(response)
          },
          onHalfClose: () => call.end(),
          onCancel: () => undefined,
          onDrain: () => undefined,
        }),
      }),
    ],
  }
  t.match(service.methods, [
    { kind: 'unary', name: 'Range', request: etcdserverpb.RangeRequestCodec },
    { kind: 'server_stream', name: 'RangeStream', response: etcdserverpb.RangeStreamResponseCodec },
  ])
})

t.test('records of raftpb have the shapes that log storage takes', async (t) => {
  const entry: LogEntry = new raftpb.Entry()
  const state: LogHardState = new raftpb.HardState()
  const members: LogConfState = new raftpb.ConfState()
  t.same([entry.index, state.commit, members.voters], [0, 0, []])
})

t.test('@grpc/proto-loader loads the published .proto files', async (t) => {
  const files = [
    'etcdserverpb/rpc.proto',
    'v3lockpb/v3lock.proto',
    'v3electionpb/v3election.proto',
    'health/health.proto',
  ]
  const definition = loadSync(files, { includeDirs: [join(repositoryRoot, 'proto')] })
  t.match(definition['etcdserverpb.KV'], {
    Range: { path: '/etcdserverpb.KV/Range' },
    RangeStream: { path: '/etcdserverpb.KV/RangeStream', responseStream: true },
  })
  t.match(definition['grpc.health.v1.Health'], { Check: { path: '/grpc.health.v1.Health/Check' } })
})
