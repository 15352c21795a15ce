// Reads proto/ and the annotations into a plain description of packages, messages and fields that the emitter prints.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import * as notes from './annotations.mjs'
import { camelCase, fullName } from './names.mjs'

const COUNTER_TYPES = new Set(['int64', 'uint64'])
const SCALARS = new Set(['bool', 'bytes', 'string', 'int32', 'uint32', 'int64', 'uint64'])

export function loadModel(protoFolder) {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => (target.startsWith(protoFolder) ? target : join(protoFolder, target))
  const files = readdirSync(protoFolder, { recursive: true }).filter((name) => name.endsWith('.proto'))
  root.loadSync(
    files.sort().map((name) => join(protoFolder, name)),
    { keepCase: true, alternateCommentMode: true },
  )
  root.resolveAll()
  const annotations = new Annotations()
  const packages = Object.entries(notes.PACKAGES).map(([name, file]) => {
    const namespace = root.lookup(name)
    const found = { name, file, enums: [], messages: [], services: [] }
    collect(namespace, found, annotations)
    return found
  })
  annotations.checkAllUsed()
  for (const { messages } of packages) sortFields(messages)
  return packages
}

/** Looks names up and remembers which ones were never asked for. */
class Annotations {
  #unused = new Set()
  #identifiers = this.#invert(notes.IDENTIFIERS)
  #brands = this.#invert(notes.BRANDED_COUNTERS)
  #always = this.#list(notes.ALWAYS_WRITTEN)
  #absent = this.#list(notes.MAYBE_ABSENT)
  #raw = this.#list(notes.RAW)

  #list(names) {
    for (const name of names) this.#unused.add(name)
    return new Set(names)
  }

  #invert(table) {
    const brandOf = new Map()
    for (const [brand, names] of Object.entries(table)) {
      for (const name of this.#list(names)) brandOf.set(name, brand)
    }
    return brandOf
  }

  #use(name, found) {
    if (found) this.#unused.delete(name)
    return found
  }

  identifier = (name) => (this.#use(name, this.#identifiers.has(name)) ? this.#identifiers.get(name) : undefined)
  counterBrand = (name) => (this.#use(name, this.#brands.has(name)) ? this.#brands.get(name) : undefined)
  always = (name) => this.#use(name, this.#always.has(name))
  maybeAbsent = (name) => this.#use(name, this.#absent.has(name))
  raw = (name) => this.#use(name, this.#raw.has(name))

  checkAllUsed() {
    if (this.#unused.size > 0) throw new Error(`annotations of unknown fields: ${[...this.#unused].join(', ')}`)
  }
}

function collect(namespace, found, annotations) {
  for (const object of namespace.nestedArray) {
    if (object instanceof protobuf.Enum) found.enums.push(enumOf(object))
    else if (object instanceof protobuf.Service) found.services.push(serviceOf(object))
    else if (object instanceof protobuf.Type) {
      collect(object, found, annotations)
      found.messages.push(messageOf(object, annotations))
    }
  }
}

const typeName = (object) => notes.TYPE_NAMES[fullName(object)] ?? object.name

function enumOf(object) {
  return { name: typeName(object), full: fullName(object), comment: object.comment, values: object.values }
}

function messageOf(type, annotations) {
  const strict = notes.STRICT.some((name) => `${fullName(type)}.`.startsWith(`${name}.`))
  return {
    name: typeName(type),
    full: fullName(type),
    comment: type.comment,
    deeper: notes.DEEPER.includes(fullName(type)),
    fields: type.fieldsArray.map((field) => fieldOf(field, strict, annotations)),
  }
}

function fieldOf(field, strict, annotations) {
  const full = fullName(field)
  if (field.map) throw new Error(`${full}: maps are not supported; declare the entry message`)
  const described = {
    name: camelCase(field.name),
    protoName: field.name,
    full,
    number: field.id,
    comment: field.comment,
    repeated: field.repeated,
    packed: field.packed === true,
    oneof: field.partOf === null ? undefined : field.partOf.name,
    always: annotations.always(full),
    maybeAbsent: annotations.maybeAbsent(full),
    ...kindOf(field, full, strict, annotations),
  }
  if (field.required) throw new Error(`${full}: required fields are not supported`)
  return described
}

/** `kind` says how the content is read; `brand` is the TypeScript type where the kind alone does not tell. */
function kindOf(field, full, strict, annotations) {
  const resolved = field.resolvedType
  if (resolved instanceof protobuf.Type) {
    const target = { message: typeName(resolved), messageFull: fullName(resolved), package: packageOf(resolved) }
    return annotations.raw(full) ? { kind: 'raw', ...target } : { kind: 'message', ...target }
  }
  if (resolved instanceof protobuf.Enum) return { kind: 'enum', enum: typeName(resolved), enumFull: fullName(resolved) }
  if (!SCALARS.has(field.type)) throw new Error(`${full}: type ${field.type} is not supported`)
  if (!COUNTER_TYPES.has(field.type)) return { kind: field.type }
  const identifier = annotations.identifier(full)
  if (identifier !== undefined) return { kind: field.type, brand: identifier, wide: true }
  return { kind: field.type, brand: annotations.counterBrand(full) ?? 'number', wide: false, strict }
}

function packageOf(type) {
  let parent = type.parent
  while (parent instanceof protobuf.Type) parent = parent.parent
  return notes.PACKAGES[fullName(parent)]
}

function serviceOf(service) {
  return {
    name: service.name,
    full: fullName(service),
    comment: service.comment,
    methods: service.methodsArray.map((method) => ({
      name: method.name,
      comment: method.comment,
      kind: methodKind(method),
      request: typeName(method.resolvedRequestType),
      requestPackage: packageOf(method.resolvedRequestType),
      response: typeName(method.resolvedResponseType),
      responsePackage: packageOf(method.resolvedResponseType),
    })),
  }
}

function methodKind(method) {
  if (method.requestStream) {
    if (!method.responseStream) throw new Error(`${fullName(method)}: client streams are not supported`)
    return 'bidi_stream'
  }
  return method.responseStream ? 'server_stream' : 'unary'
}

function sortFields(messages) {
  for (const message of messages) message.fields.sort((a, b) => a.number - b.number)
}
