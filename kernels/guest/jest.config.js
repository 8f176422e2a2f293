const { cacheDirectory, projects } = require('../../jest.config')

/** The live part alone. Jest otherwise walks the whole project first, which takes an emulated machine many minutes. */
module.exports = {
  ...projects.find(({ displayName }) => displayName === 'live'),
  cacheDirectory,
  rootDir: '../..',
  roots: ['<rootDir>/test/live'],
}
