// Every bound of the HTTP/2 server, and what happens at it.

export const HTTP2_LIMITS = {
  /** Bytes that a client may send on one stream before we took them (our SETTINGS_INITIAL_WINDOW_SIZE). Beyond: RST_STREAM, FLOW_CONTROL_ERROR. */
  streamWindowBytes: 1024 * 1024,
  /** The same for a whole connection. Beyond: GOAWAY, FLOW_CONTROL_ERROR. */
  connectionWindowBytes: 8 * 1024 * 1024,
  /** Largest frame that we take. Beyond: GOAWAY, FRAME_SIZE_ERROR. */
  frameBytes: 16_384,
  /** Size of the header table that a client may build up here. Beyond: GOAWAY, COMPRESSION_ERROR. */
  headerTableBytes: 4096,
  /** Header fields of a request, counted as in RFC 9113, 6.5.2. Beyond: RST_STREAM, ENHANCE_YOUR_CALM. */
  headerListBytes: 64 * 1024,
  /** A compressed header block with all its CONTINUATION frames. Beyond: GOAWAY, ENHANCE_YOUR_CALM. */
  headerBlockBytes: 64 * 1024,
  /** CONTINUATION frames of one block. Beyond: GOAWAY, ENHANCE_YOUR_CALM. */
  continuationFrames: 64,
  /** Open streams of a connection, whatever is configured. Beyond: RST_STREAM, REFUSED_STREAM, which clients repeat elsewhere. */
  openStreams: 250_000,
  /** Frames in a row that bring nothing (SETTINGS, PING, PRIORITY, unknown, empty DATA, WINDOW_UPDATE while nothing is sent). Beyond: GOAWAY, ENHANCE_YOUR_CALM. */
  idleFrames: 10_000,
  /** Streams that a client may cancel, or make us reset, at once ... */
  resetBurst: 20_000,
  /** ... and how many more every second. Beyond: GOAWAY, ENHANCE_YOUR_CALM ("rapid reset"). */
  resetsPerSecond: 2000,
  /** A reset that the client's own mistake forced on us counts for so many. */
  errorResetCost: 10,
  /** Bytes of answers, the largest one left out, that wait for a client to open its windows. Beyond: new streams get REFUSED_STREAM until it does. */
  queuedBytes: 128 * 1024 * 1024,
  /** What a turn spends on reading what arrived; the rest is read in the next turns, in the order of arrival. */
  readTurnMs: 1,
  /** The same for writing what connections have to send. */
  writeTurnMs: 1,
  /** Bytes of a connection that arrived and wait to be read. Beyond: nothing is taken from its socket until half of them are read. */
  unreadBytes: 256 * 1024,
  /** Bytes of answers that wait for a client's socket. Beyond: nothing is read from that connection until it takes some. */
  outputBytes: 1024 * 1024,
  /**
   * Output buffers of 64 KiB kept for the next turn: one for each connection that has something to send in the same turn. Beyond:
   * new ones in each turn, which press on V8 as external memory. (1000 watchers over 100 connections, with 64 buffers kept: nine full
   * collections a second, a fifth of all time.)
   */
  pooledBuffers: 512,
  /** What arrives in pieces of up to half of this is gathered in memory of this size; whoever keeps a piece keeps all of it alive. */
  sharedBytes: 16 * 1024,
  /** Bytes written to one socket in one turn; the rest follows in the next, after the other connections. */
  turnBytes: 1024 * 1024,
  /** A socket that takes nothing for so long while bytes wait is cut. */
  stalledWriteMs: 120_000,
  /** A connection that sent its preface, but no SETTINGS, or a header block without end, is cut after so long. */
  settingsTimeoutMs: 30_000,
  /** After GOAWAY: wait so long for the client to see it before the last stream is fixed (RFC 9113, 6.8). */
  goAwayProbeMs: 1000,
  /** A connection that is over is read, unseen, for so long: otherwise the client's system could discard our last words. */
  lingerMs: 1000,
  /** How often the two time-outs above are looked at. */
  checkPeriodMs: 5000,
  /** Closed streams whose ends are remembered, so that late frames of the peer are told from wrong ones. */
  closedStreams: 256,
} as const
