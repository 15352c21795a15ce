// Texts of -h and --version.

import { FLAG_GROUPS } from './flag-table.js'

/** What clients, tools and other members take this server for. */
export const SERVER_VERSION = '3.7.1'

/** Printed to standard error by -h and after every error of syntax. */
export const usage = (): string => `Usage:

  etcd [flags]
    Start a server.

  etcd --version
    Print the version.

  etcd -h | --help
    Print this text and the list of flags.

  etcd --config-file
    Path of a configuration file. With it, other flags and the environment do not count.

`

/** The list of flags, for standard output. */
export const flagHelp = (): string => {
  let text = '\n'
  for (const { title, shown, flags } of FLAG_GROUPS) {
    if (!shown) continue
    text += `${title}:\n`
    for (const [name, { initial, help }] of Object.entries(flags)) text += `  --${name} '${initial}'\n    ${help}\n`
    text += '\n'
  }
  return text + 'The unsafe flags break promises of the server: use them for recovery and tests only.\n\n'
}

export interface RuntimeNames {
  /** For example `v20.20.2`. */
  readonly nodeVersion: string
  /** Go's names: `linux`, `amd64`. */
  readonly os: string
  readonly arch: string
}

/** Four lines; tools parse the first, so the labels stay the reference's, whatever runs underneath. */
export const versionText = ({ nodeVersion, os, arch }: RuntimeNames): string =>
  `etcd Version: ${SERVER_VERSION}\nGit SHA: quorate\nGo Version: node ${nodeVersion}\nGo OS/Arch: ${os}/${arch}\n`
