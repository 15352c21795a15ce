// The fields that both sides know from the start (RFC 7541, Appendix A).

import { HeaderField } from './field.js'

const ROWS = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`

/** Position i holds index i + 1. */
export const STATIC_TABLE: readonly HeaderField[] = ROWS.split('\n').map((row) => {
  const space = row.indexOf(' ')
  return space === -1 ? new HeaderField(row, '') : new HeaderField(row.slice(0, space), row.slice(space + 1))
})

/** The first index of the dynamic table. */
export const DYNAMIC_START = STATIC_TABLE.length + 1

const indexes = new Map<string, number>()
for (const [i, field] of STATIC_TABLE.entries()) {
  indexes.set(`${field.name}\0${field.value}`, i + 1)
  if (!indexes.has(field.name)) indexes.set(field.name, i + 1)
}

/** Index of an entry with this name and value; 0 when there is none. */
export const staticFieldIndex = (name: string, value: string): number => indexes.get(`${name}\0${value}`) ?? 0
/** Lowest index of an entry with this name; 0 when there is none. */
export const staticNameIndex = (name: string): number => indexes.get(name) ?? 0
