// Which tests run is said on the command line: see package.json and scripts/test.
export default {
  extensions: ['ts'],
  files: ['test/**/*.test.ts'],
  // Of silence, over all tests that run: builds and restarts of a gateway are slow on a small machine.
  timeout: '180s',
}
