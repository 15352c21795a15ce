// Certificates, keys and revocation lists as files: checked once in Go's words, read again when they change.

import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { TlsMaterial } from './tls-settings.js'

/** Reads the pair anew whenever size, time or inode of a file differ from the last look. */
export function tlsFiles(certFile: string, keyFile: string): () => TlsMaterial {
  return whenChanged([certFile, keyFile], () => ({ cert: readFileSync(certFile), key: readFileSync(keyFile) }))
}

/**
 * Serial numbers in a revocation list (DER), read like `tlsFiles`. Signature and dates of the list are not looked at, as in etcd.
 * The returned function throws in Go's words when the list is missing or broken.
 */
export async function revokedSerials(path: string): Promise<() => ReadonlySet<string>> {
  // Loaded here: only few servers need it, and it takes a tenth of a second.
  const { CertificateRevocationList } = await import('pkijs')
  const parse = (list: Uint8Array): ReadonlySet<string> => {
    try {
      const { revokedCertificates = [] } = CertificateRevocationList.fromBER(Uint8Array.from(list).buffer)
      return new Set(
        revokedCertificates.map(({ userCertificate }) =>
          plainHex(Buffer.from(userCertificate.valueBlock.valueHexView).toString('hex')),
        ),
      )
    } catch (error) {
      throw new Error('x509: malformed crl', { cause: error })
    }
  }
  return whenChanged([path], () => parse(readFile(path)))
}

/** A serial number as Go prints it: lower case, no leading zeros. */
export const plainHex = (hex: string): string => hex.toLowerCase().replace(/^0+(?=.)/, '')

/** The certificates of a file, each as PEM. A file without any gives none: then nobody is trusted. @throws in Go's words. */
export function readAuthorities(path: string): string[] {
  return pemBlocks(readFile(path).toString('latin1'))
    .filter(({ type }) => type === 'CERTIFICATE')
    .map(({ text }) => {
      parseCertificate(text)
      return text
    })
}

/** Whether the two files make a pair that can be presented. @throws in Go's words. */
export function checkPair(certFile: string, keyFile: string): void {
  const certificates = readFile(certFile).toString('latin1')
  const key = readFile(keyFile).toString('latin1')
  const leaf = parseCertificate(leafBlock(certificates))
  const privateKey = parseKey(keyBlock(key))
  if (leaf.publicKey.asymmetricKeyType !== privateKey.asymmetricKeyType) {
    throw new Error('tls: private key type does not match public key type')
  }
  if (!leaf.checkPrivateKey(privateKey)) throw new Error('tls: private key does not match public key')
}

const leafBlock = (pem: string): string => {
  const blocks = pemBlocks(pem)
  const leaf = blocks.find(({ type }) => type === 'CERTIFICATE')
  if (leaf !== undefined) return leaf.text
  if (blocks.length === 0) throw new Error('tls: failed to find any PEM data in certificate input')
  if (blocks.length === 1 && blocks[0]!.type.endsWith('PRIVATE KEY')) {
    throw new Error(
      'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
    )
  }
  throw new Error(
    `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: ${typesOf(blocks)}`,
  )
}

const keyBlock = (pem: string): string => {
  const blocks = pemBlocks(pem)
  const key = blocks.find(({ type }) => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY'))
  if (key !== undefined) return key.text
  if (blocks.length === 0) throw new Error('tls: failed to find any PEM data in key input')
  if (blocks.length === 1 && blocks[0]!.type === 'CERTIFICATE') {
    throw new Error('tls: found a certificate rather than a key in the PEM for the private key')
  }
  throw new Error(
    `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: ${typesOf(blocks)}`,
  )
}

interface PemBlock {
  readonly type: string
  readonly text: string
}

const pemBlocks = (pem: string): PemBlock[] =>
  [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----\r?\n[^-]*-----END \1-----/g)].map(([text, type = '']) => ({
    type,
    text,
  }))

const typesOf = (blocks: readonly PemBlock[]): string => `[${blocks.map(({ type }) => type).join(' ')}]`

const parseCertificate = (pem: string): X509Certificate => {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new Error('x509: malformed certificate', { cause: error })
  }
}

const parseKey = (pem: string): ReturnType<typeof createPrivateKey> => {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw new Error('tls: failed to parse private key', { cause: error })
  }
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw inGoWords(error, path)
  }
}

function whenChanged<T>(paths: readonly string[], read: () => T): () => T {
  let seen = ''
  let value: T | undefined
  return () => {
    const now = paths.map(stamp).join(' ')
    if (value === undefined || now !== seen) {
      value = undefined
      value = read()
      seen = now
    }
    return value
  }
}

const stamp = (path: string): string => {
  try {
    const { mtimeMs, size, ino } = statSync(path)
    return `${mtimeMs}/${size}/${ino}`
  } catch (error) {
    throw inGoWords(error, path)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'open PATH: no such file or directory',
  ENOTDIR: 'open PATH: not a directory',
  EACCES: 'open PATH: permission denied',
  EISDIR: 'read PATH: is a directory',
}

const inGoWords = (error: unknown, path: string): Error => {
  const { code = '', message } = error as NodeJS.ErrnoException
  return new Error(REASONS[code]?.replace('PATH', () => path) ?? message, { cause: error })
}
