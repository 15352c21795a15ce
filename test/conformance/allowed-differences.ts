// Every place where we print something else than etcd 3.5.30 does, and why. Each turns the reference's output into ours; what
// was used is printed at the end of the run. Nothing else may differ.
import type { Observation } from './observation.js'

export interface AllowedDifference {
  readonly what: string
  readonly why: string
  /** The commands (without the word etcdctl) that it is about. */
  readonly commands: RegExp
  readonly ours: (reference: Observation) => Observation
}

const inStdout =
  (change: (text: string) => string) =>
  (reference: Observation): Observation => ({ ...reference, stdout: change(reference.stdout) })

export const allowedDifferences: readonly AllowedDifference[] = [
  {
    what: 'endpoint status shows version 3.7.1',
    why: 'we answer as etcd 3.7, the reference at hand is 3.5.30',
    commands: /^endpoint status/,
    ours: inStdout((text) => text.replaceAll('3.5.30', '3.7.1')),
  },
  {
    what: 'get --keys-only shows lease 0',
    why: '3.7 answers keys_only from the index, which has no leases, unless it sorts by value',
    commands: /^get (?=.*--keys-only)(?!.*--sort-by=VALUE).*-w/,
    ours: inStdout((text) =>
      text.replace(/,"lease":(\d+|<\w+>)/g, '').replace(/"Lease" : (\d+|<\w+>)/g, '"Lease" : 0'),
    ),
  },
  {
    what: 'an alarm in endpoint status has no blank at its end',
    why: 'that is how older protobuf libraries printed it; 3.7 prints it without',
    commands: /^endpoint status/,
    ours: inStdout((text) => text.replace(/(alarm:[A-Z]+) /g, '$1')),
  },
]

/** What we should show where the reference showed `expected`, and the allowed differences that this takes. */
export const translate = (
  title: string,
  expected: Observation,
): { readonly expected: Observation; readonly used: readonly AllowedDifference[] } => {
  const meant = allowedDifferences.filter(({ commands }) => commands.test(title))
  return {
    expected: meant.reduce((observation, { ours }) => ours(observation), expected),
    used: meant.filter(({ ours }) => !same(ours(expected), expected)),
  }
}

const same = (a: Observation, b: Observation): boolean =>
  a.stdout === b.stdout && a.stderr === b.stderr && a.code === b.code
