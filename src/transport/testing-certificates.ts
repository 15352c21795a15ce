// For tests: authorities and certificates as files, made by the openssl command.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Why such tests cannot run; false when they can. */
export const missingOpenssl: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'

export interface CertificateOptions {
  /** `serverAuth`, `clientAuth` or both; default: both. */
  readonly usage?: string
  /** As openssl reads them; default: 127.0.0.1, localhost and `<name>.example`. Empty: none. */
  readonly names?: string
}

const EC_KEY = ['-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']

/** A temporary folder of certificates: `<name>.crt` and `<name>.key`. */
export class CertificateLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'certificates-'))

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name))
  }

  text(name: string): string {
    return this.read(name).toString()
  }

  authority(name: string): void {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
    this.openssl('req', '-x509', '-subj', `/CN=${name}`, '-days', '30', ...EC_KEY, ...files)
    writeFileSync(this.path(`${name}.db`), '')
    writeFileSync(this.path(`${name}.db.attr`), '')
  }

  /** Signed by `ca`, or by a certificate that itself is signed (its chain goes into the file). */
  certificate(ca: string, name: string, { usage = 'serverAuth,clientAuth', names }: CertificateOptions = {}): void {
    const subject = ['-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`]
    this.openssl('req', '-new', ...EC_KEY, ...subject)
    const alternatives = names ?? `IP:127.0.0.1,DNS:localhost,DNS:${name}.example`
    const lines = [`extendedKeyUsage=${usage}`, ...(alternatives === '' ? [] : [`subjectAltName=${alternatives}`]), '']
    writeFileSync(this.path(`${name}.ext`), lines.join('\n'))
    const signing = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', '30']
    this.openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-extfile', `${name}.ext`, '-out', `${name}.crt`)
  }

  /** Writes `<ca>.crl` (DER) and `<ca>.crl.pem`, which list these certificates. */
  revoke(ca: string, ...names: readonly string[]): void {
    const config = `${ca}.cnf`
    const section = [`database=${ca}.db`, 'default_md=sha256', 'default_crl_days=30']
    writeFileSync(this.path(config), ['[ca]', 'default_ca=x', '[x]', ...section, ''].join('\n'))
    const signer = ['-config', config, '-cert', `${ca}.crt`, '-keyfile', `${ca}.key`]
    for (const name of names) this.openssl('ca', ...signer, '-revoke', `${name}.crt`)
    this.openssl('ca', ...signer, '-gencrl', '-out', `${ca}.crl.pem`)
    this.openssl('crl', '-in', `${ca}.crl.pem`, '-outform', 'DER', '-out', `${ca}.crl`)
  }

  openssl(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: this.folder })
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr.toString()}`)
    return stdout.toString()
  }
}
