// The raft simulator, second half of the seeds: every promise is kept, and everything interesting happens.
import { checkSeeds } from './raft/check-seeds.js'

checkSeeds(2)
