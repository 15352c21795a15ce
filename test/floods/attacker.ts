// A thread that attacks, so that its work does not show in the delays of the well-behaved client.
import { parentPort, workerData } from 'node:worker_threads'
import { ATTACKS, run } from './attacks.js'

const { name, port } = workerData as { name: string; port: number }
const attack = ATTACKS.find((one) => one.name === name)
if (attack === undefined || parentPort === null) throw new Error(`no attack ${name}`)
const release = new Promise<void>((resolve) => parentPort?.once('message', () => resolve()))
parentPort.postMessage('started')
const result = await run(attack, port, release)
parentPort.postMessage(result)
parentPort.close()
