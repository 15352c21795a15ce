// Generated from the package authpb in proto/ by scripts/generate-proto.mjs. Do not edit.

import { EMPTY_BYTES } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'

export const PermissionType = {
  READ: 0,
  WRITE: 1,
  READWRITE: 2,
} as const
export type PermissionType = (typeof PermissionType)[keyof typeof PermissionType]

export class UserAddOptions {
  /** The user can only be identified by a client certificate. */
  noPassword: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readUserAddOptions(r: Reader, end: number, m: UserAddOptions): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.noPassword = r.bool(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeUserAddOptions(w: Writer, m: UserAddOptions): void {
  if (m.noPassword) {
    w.bool(m.noPassword)
    w.varint32(8)
  }
}

export const UserAddOptionsCodec: WireCodec<UserAddOptions> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new UserAddOptions()
    readUserAddOptions(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeUserAddOptions(scratch, message)
    return scratch.take()
  },
}

/** Row of the bucket authUsers. */
export class User {
  name: Uint8Array = EMPTY_BYTES
  /** Text of the bcrypt hash. */
  password: Uint8Array = EMPTY_BYTES
  /** Sorted. */
  roles: string[] = []
  options: UserAddOptions | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readUser(r: Reader, end: number, m: User): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.view(end)
        break
      }
      case 18: {
        m.password = r.view(end)
        break
      }
      case 26: {
        m.roles.push(r.string(end, 'authpb.User.roles'))
        break
      }
      case 34: {
        const stop = r.enter(end)
        readUserAddOptions(r, stop, (m.options ??= new UserAddOptions()))
        r.leave()
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
          case 4:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeUser(w: Writer, m: User): void {
  if (m.options !== undefined) {
    const size = w.size()
    writeUserAddOptions(w, m.options)
    w.length(size)
    w.varint32(34)
  }
  for (let i = m.roles.length - 1; i >= 0; i--) {
    w.string(m.roles[i]!)
    w.varint32(26)
  }
  if (m.password.length > 0) {
    w.bytes(m.password)
    w.varint32(18)
  }
  if (m.name.length > 0) {
    w.bytes(m.name)
    w.varint32(10)
  }
}

export const UserCodec: WireCodec<User> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new User()
    readUser(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeUser(scratch, message)
    return scratch.take()
  },
}

export class Permission {
  permType: number = 0
  /** Same range rules as in etcdserverpb.RangeRequest. */
  key: Uint8Array = EMPTY_BYTES
  rangeEnd: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readPermission(r: Reader, end: number, m: Permission): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.permType = r.int32(end)
        break
      }
      case 18: {
        m.key = r.view(end)
        break
      }
      case 26: {
        m.rangeEnd = r.view(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writePermission(w: Writer, m: Permission): void {
  if (m.rangeEnd.length > 0) {
    w.bytes(m.rangeEnd)
    w.varint32(26)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(18)
  }
  if (m.permType !== 0) {
    w.int32(m.permType)
    w.varint32(8)
  }
}

export const PermissionCodec: WireCodec<Permission> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Permission()
    readPermission(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writePermission(scratch, message)
    return scratch.take()
  },
}

/** Row of the bucket authRoles. */
export class Role {
  name: Uint8Array = EMPTY_BYTES
  /** Sorted by key. */
  keyPermission: Permission[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readRole(r: Reader, end: number, m: Role): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.view(end)
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new Permission()
        readPermission(r, stop, item)
        m.keyPermission.push(item)
        r.leave()
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeRole(w: Writer, m: Role): void {
  for (let i = m.keyPermission.length - 1; i >= 0; i--) {
    const size = w.size()
    writePermission(w, m.keyPermission[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.name.length > 0) {
    w.bytes(m.name)
    w.varint32(10)
  }
}

export const RoleCodec: WireCodec<Role> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Role()
    readRole(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRole(scratch, message)
    return scratch.take()
  },
}
