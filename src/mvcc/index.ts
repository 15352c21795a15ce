// The watch hub.
export * from './watch/index.js'
