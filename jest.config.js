const project = (displayName, rest) => ({
  displayName,
  testEnvironment: 'node',
  // Not in a directory that all users share: the live part may run as the root of a user namespace.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  transform: {
    '^.+\\.ts$': ['@swc/jest', require('./test/support/swc.json')],
  },
  ...rest,
})

/** `live` needs Linux and a network namespace to itself; its guard refuses to run in any other. */
module.exports = {
  // No test is about a few seconds, and a machine may be busy.
  testTimeout: 30_000,
  testSequencer: '<rootDir>/test/support/longest-first.js',
  projects: [
    project('offline', {
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/live/'],
    }),
    project('live', {
      testMatch: ['<rootDir>/test/live/**/*.test.ts'],
      setupFiles: ['<rootDir>/test/live/guard.ts'],
    }),
  ],
}
