/**
 * Lets a process of a test require TypeScript, with `node --require`. ts-node loads the compiler even where swc does the
 * work, which takes most of the time of a short script.
 */
const { readFileSync } = require('node:fs')
const { transformSync } = require('@swc/core')
const options = require('./swc.json')

require.extensions['.ts'] = (module, filename) =>
  module._compile(transformSync(readFileSync(filename, 'utf8'), { ...options, filename }).code, filename)
