import { lookup } from 'node:dns/promises'

/** First address of a host. Rejects in the words of Go's resolver. */
export const lookupHost = async (hostname: string): Promise<string> => {
  try {
    return (await lookup(hostname)).address
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOTFOUND' ? 'no such host' : message
    throw new Error(`lookup ${hostname}: ${why}`, { cause: error })
  }
}
