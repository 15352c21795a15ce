// Prints one package of the model as TypeScript.
import { camelCase } from './names.mjs'

const BRAND_DEFAULTS = {
  ClusterId: 'NO_CLUSTER',
  MemberId: 'NO_MEMBER',
  LeaseId: 'NO_LEASE',
  Term: 'NO_TERM',
  Index: 'NO_INDEX',
  bigint: '0n',
  number: '0',
}
const VARINT_KINDS = new Set(['bool', 'enum', 'int32', 'uint32', 'int64', 'uint64'])

export function emitPackage(model) {
  const body = [
    ...model.enums.map(emitEnum),
    ...model.messages.map((message) => emitMessage(message, model.file)),
    ...model.messages.flatMap((message) => emitEmpties(message, model.file)),
    ...model.services.map((service) => emitService(service, model.file)),
  ].join('\n')
  return [
    `// Generated from the package ${model.name} in proto/ by scripts/generate-proto.mjs. Do not edit.`,
    '',
    ...emitImports(model, body),
    '',
    body,
  ].join('\n')
}

function emitImports(model, body) {
  const uses = (word) => new RegExp(`\\b${word}\\b`).test(body)
  const list = (words) => words.filter(uses).join(', ')
  const types = list(['ClusterId', 'Index', 'LeaseId', 'MemberId', 'Term'])
  const values = list(['EMPTY_BYTES', 'NO_CLUSTER', 'NO_INDEX', 'NO_LEASE', 'NO_MEMBER', 'NO_TERM'])
  const runtime = list(['DEPTH_MARGIN', 'DEPTH_MAX', 'Reader', 'scratch'])
  const lines = []
  if (types !== '') lines.push(`import type { ${types} } from '../../base/index.js'`)
  if (values !== '') lines.push(`import { ${values} } from '../../base/index.js'`)
  lines.push(`import { ${runtime}, type WireCodec, type Writer } from '../wire.js'`)
  const used = [
    ...model.messages.flatMap(({ fields }) =>
      fields.filter(({ kind }) => kind === 'message').map((field) => field.package),
    ),
    ...model.services.flatMap(({ methods }) =>
      methods.flatMap((method) => [method.requestPackage, method.responsePackage]),
    ),
  ]
  const others = [...new Set(used)].filter((name) => name !== model.file).sort()
  return [...lines, ...others.map((name) => `import * as ${name} from './${name}.js'`)]
}

function emitComment(comment, indent = '') {
  if (comment === null || comment === undefined || comment === '') return ''
  const lines = comment.split('\n')
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`
}

function emitEnum({ name, comment, values }) {
  const members = Object.entries(values).map(([key, value]) => `  ${key}: ${value},\n`)
  return (
    `${emitComment(comment)}export const ${name} = {\n${members.join('')}} as const\n` +
    `export type ${name} = (typeof ${name})[keyof typeof ${name}]\n`
  )
}

function emitMessage(message, file) {
  const { name, fields } = message
  const declared = fields.map(
    (field) => `${emitComment(field.comment, '  ')}  ${field.name}: ${declaration(field, file)}\n`,
  )
  return [
    `${emitComment(message.comment)}export class ${name} {\n${declared.join('')}}\n`,
    emitRead(message, file),
    emitWrite(message, file),
    emitCodec(message),
  ].join('\n')
}

/** What is written for a nested message that is always written but not there. */
function emitEmpties(message, file) {
  const always = message.fields.filter(({ always, kind }) => always && kind === 'message')
  return always.map((field) => `const ${emptyName(message, field)} = new ${local(field, file)}()\n`)
}

const emptyName = (message, field) => `EMPTY_${message.name}_${field.name}`.toUpperCase()

/** Name of a message type as seen from the file of package `file`. */
const local = ({ message, package: from }, file, prefix = '') =>
  from === file ? `${prefix}${message}` : `${from}.${prefix}${message}`

function elementType(field, file) {
  switch (field.kind) {
    case 'message':
      return local(field, file)
    case 'raw':
    case 'bytes':
      return 'Uint8Array'
    case 'string':
      return 'string'
    case 'bool':
      return 'boolean'
    default:
      return field.brand ?? 'number'
  }
}

const isOptional = (field) =>
  !field.repeated &&
  (field.kind === 'message' || field.kind === 'raw' || field.oneof !== undefined || field.maybeAbsent)

function declaration(field, file) {
  const type = elementType(field, file)
  if (field.repeated) return `${type}[] = []`
  if (isOptional(field)) return `${type} | undefined = undefined`
  return `${type} = ${defaultValue(field)}`
}

function defaultValue(field) {
  switch (field.kind) {
    case 'bytes':
      return 'EMPTY_BYTES'
    case 'string':
      return `''`
    case 'bool':
      return 'false'
    default:
      return BRAND_DEFAULTS[field.brand ?? 'number']
  }
}

const wireType = ({ kind }) => (VARINT_KINDS.has(kind) ? 0 : 2)
const tagOf = (number, type) => ((number << 3) | type) >>> 0

/** Expression that reads one value that ends before `end`. */
function readExpression(field, end) {
  switch (field.kind) {
    case 'raw':
    case 'bytes':
      return `r.view(${end})`
    case 'string':
      return `r.string(${end}, '${field.full}')`
    case 'bool':
      return `r.bool(${end})`
    case 'enum':
    case 'int32':
      return `r.int32(${end})`
    case 'uint32':
      return `r.uint32(${end})`
    default: {
      const method = field.wide ? field.kind : `${field.kind.replace('64', '53')}${field.strict ? '' : 'Saturated'}`
      const cast = field.brand === 'bigint' || field.brand === 'number' ? '' : ` as ${field.brand}`
      return `r.${method}(${end})${cast}`
    }
  }
}

function emitRead(message, file) {
  const { name, fields } = message
  const head = `/** Merges the fields up to \`end\` into \`m\`. */\nexport function read${name}(r: Reader, end: number, m: ${name}): void {\n`
  if (fields.length === 0) {
    return `export function read${name}(r: Reader, end: number, _: ${name}): void {\n  while (r.pos < end) r.skip(r.tag(end), end)\n}\n`
  }
  const cases = fields.map((field) => emitReadCases(field, fields, file)).join('')
  const known = fields.map(({ number }) => `          case ${number}:\n`).join('')
  return (
    `${head}  while (r.pos < end) {\n    const tag = r.tag(end)\n    switch (tag) {\n${cases}` +
    `      default:\n        switch (tag >>> 3) {\n${known}            r.wrongType()\n        }\n        r.skip(tag, end)\n` +
    `    }\n  }\n}\n`
  )
}

function emitReadCases(field, fields, file) {
  const single = tagOf(field.number, wireType(field))
  const lines = (tag, ...statements) =>
    `      case ${tag}: {\n${statements.map((line) => `        ${line}\n`).join('')}        break\n      }\n`
  const target = `m.${field.name}`
  if (field.repeated && field.kind === 'message') {
    const type = local(field, file)
    return lines(
      single,
      'const stop = r.enter(end)',
      `const item = new ${type}()`,
      `${local(field, file, 'read')}(r, stop, item)`,
      `${target}.push(item)`,
      'r.leave()',
    )
  }
  if (field.repeated) {
    const unpacked = lines(single, `${target}.push(${readExpression(field, 'end')})`)
    if (wireType(field) !== 0) return unpacked
    const packed = lines(
      tagOf(field.number, 2),
      'const stop = r.stop(end)',
      `while (r.pos < stop) ${target}.push(${readExpression(field, 'stop')})`,
    )
    return unpacked + packed
  }
  const clear = fields
    .filter((other) => other !== field && field.oneof !== undefined && other.oneof === field.oneof)
    .map((other) => `m.${other.name} = undefined`)
  if (field.kind === 'message') {
    return lines(
      single,
      ...clear,
      'const stop = r.enter(end)',
      `${local(field, file, 'read')}(r, stop, (${target} ??= new ${local(field, file)}()))`,
      'r.leave()',
    )
  }
  if (field.kind === 'raw') return lines(single, ...clear, `${target} = r.merged(${target}, end)`)
  return lines(single, ...clear, `${target} = ${readExpression(field, 'end')}`)
}

function emitWrite(message, file) {
  const { name, fields } = message
  const head = `/** Writes the fields from the last to the first: the writer runs backwards. */\n`
  if (fields.length === 0) return `export function write${name}(_w: Writer, _m: ${name}): void {}\n`
  const statements = [...fields].reverse().map((field) => emitWriteField(message, field, file))
  return `${head}export function write${name}(w: Writer, m: ${name}): void {\n${statements.join('')}}\n`
}

function writeStatement(field, value) {
  switch (field.kind) {
    case 'raw':
    case 'bytes':
      return `w.bytes(${value})`
    case 'string':
      return `w.string(${value})`
    case 'bool':
      return `w.bool(${value})`
    case 'enum':
    case 'int32':
      return `w.int32(${value})`
    case 'uint32':
      return `w.varint32(${value})`
    default:
      return field.wide ? `w.int64(${value})` : `w.int53(${value})`
  }
}

function emitWriteField(message, field, file) {
  const value = `m.${field.name}`
  const tag = `w.varint32(${tagOf(field.number, wireType(field))})`
  const nested = (expression) => [
    'const size = w.size()',
    `${local(field, file, 'write')}(w, ${expression})`,
    'w.length(size)',
    tag,
  ]
  const block = (head, statements, indent = '  ') =>
    `${indent}${head}{\n${statements.map((line) => `${indent}  ${line}\n`).join('')}${indent}}\n`
  if (field.repeated) {
    const loop = `for (let i = ${value}.length - 1; i >= 0; i--) `
    if (field.kind === 'message') return block(loop, nested(`${value}[i]!`))
    if (!field.packed || wireType(field) !== 0) return block(loop, [writeStatement(field, `${value}[i]!`), tag])
    return block(`if (${value}.length > 0) `, [
      'const size = w.size()',
      `${loop}${writeStatement(field, `${value}[i]!`)}`,
      'w.length(size)',
      `w.varint32(${tagOf(field.number, 2)})`,
    ])
  }
  if (field.always) {
    if (field.kind === 'message') return block('', nested(`${value} ?? ${emptyName(message, field)}`))
    return `  ${writeStatement(field, value)}\n  ${tag}\n`
  }
  if (field.kind === 'message') return block(`if (${value} !== undefined) `, nested(value))
  return block(`if (${condition(field, value)}) `, [writeStatement(field, value), tag])
}

function condition(field, value) {
  if (isOptional(field)) return `${value} !== undefined`
  switch (field.kind) {
    case 'bytes':
      return `${value}.length > 0`
    case 'string':
      return `${value} !== ''`
    case 'bool':
      return value
    default:
      return `${value} !== ${field.wide ? '0n' : '0'}`
  }
}

function emitCodec({ name, fields, deeper }) {
  const depth = deeper ? 'DEPTH_MAX + DEPTH_MARGIN' : 'DEPTH_MAX'
  const encode =
    fields.length === 0
      ? '  encode: () => EMPTY_BYTES,\n'
      : `  encode(message) {\n    scratch.clear()\n    write${name}(scratch, message)\n    return scratch.take()\n  },\n`
  return (
    `export const ${name}Codec: WireCodec<${name}> = {\n` +
    `  decode(bytes, start = 0, end = bytes.length) {\n    const message = new ${name}()\n` +
    `    read${name}(new Reader(bytes, start, end, ${depth}), end, message)\n    return message\n  },\n${encode}}\n`
  )
}

function emitService({ name, full, comment, methods }, file) {
  const codec = (type, from) => (from === file ? `${type}Codec` : `${from}.${type}Codec`)
  const lines = methods.map(
    (method) =>
      `${emitComment(method.comment, '    ')}    ${camelCase(method.name)}: {\n      name: '${method.name}',\n      kind: '${method.kind}',\n` +
      `      request: ${codec(method.request, method.requestPackage)},\n` +
      `      response: ${codec(method.response, method.responsePackage)},\n    },\n`,
  )
  return `${emitComment(comment)}export const ${name}Service = {\n  name: '${full}',\n  methods: {\n${lines.join('')}  },\n} as const\n`
}
