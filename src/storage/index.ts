// LevelDB backend.
export * from './leveldb/index.js'
