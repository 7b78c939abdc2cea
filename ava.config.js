// Unit tests by default; the engine and end-to-end suites are named on the command line (see package.json).
export default {
  extensions: ['ts'],
  files: ['test/unit/**/*.test.ts'],
  timeout: '60s',
}
