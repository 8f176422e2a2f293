/**
 * A fresh clone knows of no test how long it takes: jest would go by the size of the files, and begin the longest last, on
 * one processor while the others have nothing left to do.
 */
const Sequencer = require('@jest/test-sequencer').default

const LONGEST = [
  ...['live/conformance', 'live/conformance-nft', 'live/restore', 'live/nft-command', 'live/confirm', 'live/list'],
  ...['live/generated-commands', 'live/reliability', 'live/command', 'live/ipset-command', 'live/privileges'],
  ...['iptc/parameters', 'easy/dictionary', 'ui/browser', 'language/restore', 'nft/rule', 'ruleset/rule-ids'],
].map((name) => `/test/${name}.test.ts`)

/** 0 for the longest, and the same for all that are none. */
const rank = ({ path }) => {
  const at = LONGEST.findIndex((name) => path.endsWith(name))
  return at < 0 ? LONGEST.length : at
}

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((one, other) => rank(one) - rank(other))
  }
}
