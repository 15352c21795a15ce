// The backend that everything of a member holds on to while the one behind it is exchanged.

import type { Backend, BackendRow, BackendSlice, BackendView, Bucket } from '../../env/index.js'

/** A backend and who reads or writes it at the moment. */
class Usage {
  readonly backend: Backend
  #users = 0
  #onIdle: (() => void) | undefined

  constructor(backend: Backend) {
    this.backend = backend
  }

  enter(): void {
    this.#users++
  }

  leave(): void {
    this.#users--
    if (this.#users === 0) this.#onIdle?.()
  }

  /** Resolves once nobody uses it. Nobody begins any more. */
  idle(): Promise<void> {
    if (this.#users === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#onIdle = resolve))
  }
}

/** A backend that is out of use. */
export interface Retired {
  readonly backend: Backend
  /** Resolves once scans, views and writes that began before have ended. */
  idle(): Promise<void>
}

export class SwitchedBackend implements Backend {
  #usage: Usage

  /** Owns `backend`, and each one that it is switched to. */
  constructor(backend: Backend) {
    this.#usage = new Usage(backend)
  }

  get current(): Backend {
    return this.#usage.backend
  }

  /** Everything that begins from now on goes to `next`. Whoever calls closes the old one. */
  switchTo(next: Backend): Retired {
    const usage = this.#usage
    this.#usage = new Usage(next)
    return { backend: usage.backend, idle: () => usage.idle() }
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.current.get(bucket, key)
  }

  scan(bucket: Bucket, lo: Uint8Array, hi: Uint8Array | undefined, sliceBytes?: number): AsyncIterable<BackendSlice> {
    return held(this.#usage, this.current.scan(bucket, lo, hi, sliceBytes))
  }

  view(): BackendView {
    const usage = this.#usage
    const view = usage.backend.view()
    let open = true
    usage.enter()
    return {
      scan: (bucket, lo, hi, sliceBytes) => view.scan(bucket, lo, hi, sliceBytes),
      close: async () => {
        await view.close()
        if (open) usage.leave()
        open = false
      },
    }
  }

  write(rows: readonly BackendRow[]): Promise<void> {
    return this.#during((backend) => backend.write(rows))
  }

  sync(): Promise<void> {
    return this.#during((backend) => backend.sync())
  }

  reclaim(): Promise<void> {
    return this.#during((backend) => backend.reclaim())
  }

  fileBytes(): Promise<number> {
    return this.#during((backend) => backend.fileBytes())
  }

  close(): Promise<void> {
    return this.current.close()
  }

  async #during<T>(work: (backend: Backend) => Promise<T>): Promise<T> {
    const usage = this.#usage
    usage.enter()
    try {
      return await work(usage.backend)
    } finally {
      usage.leave()
    }
  }
}

async function* held(usage: Usage, slices: AsyncIterable<BackendSlice>): AsyncGenerator<BackendSlice> {
  usage.enter()
  try {
    yield* slices
  } finally {
    usage.leave()
  }
}
