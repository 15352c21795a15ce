// The generated files belong to the .proto files beside them, and those are what others can load.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { loadSync } from '@grpc/proto-loader'
import t from 'tap'
import { etcdserverpb } from './index.js'
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
