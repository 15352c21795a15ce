// A certificate for 127.0.0.1 and its key, made by openssl for one run.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The flags that serve it and the PEM that clients check, or why there is none. */
export function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-bench-tls-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  try {
    execFileSync('openssl', [...args, ...names, '-keyout', key, '-out', cert], { stdio: 'pipe' })
  } catch (error) {
    return { missing: `openssl made no certificate: ${error.message}` }
  }
  return { flags: ['--cert-file', cert, '--key-file', key], ca: readFileSync(cert, 'utf8') }
}
