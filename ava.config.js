// Which tests run is said on the command line: see package.json and scripts/test.
export default {
  extensions: ['ts'],
  files: ['test/**/*.test.ts'],
  // A process each: starting git takes a third longer from one that holds the memory of many threads, and what Node made
  // of the TypeScript is kept for the next only by a process.
  workerThreads: false,
  // Of silence, over all tests that run: builds and restarts of a gateway are slow on a small machine.
  timeout: '180s',
}
