/**
 * In a fresh clone, jest does not know the duration of tests. It would order them by file size and might start the
 * longest one last, when other processors have nothing left to do.
 */
const Sequencer = require('@jest/test-sequencer').default

const LONGEST = [
  ...['live/confirm', 'live/restore', 'live/conformance-nft', 'live/recipes', 'live/privileges', 'live/reliability'],
  ...['live/generated', 'live/generated-commands', 'live/conformance-ipv4', 'live/conformance-ipv6'],
  ...['live/ipset-command', 'live/nft-command', 'live/command', 'live/from-python', 'live/trace', 'live/agent'],
  ...['iptc/parameters', 'easy/dictionary', 'ui/browser', 'language/restore', 'cli/completion', 'nft/rule'],
  'ruleset/rule-ids',
].map((name) => `/test/${name}.test.ts`)

/** 0 for the longest test; the maximum for tests that are not in the list. */
const rank = ({ path }) => {
  const at = LONGEST.findIndex((name) => path.endsWith(name))
  return at < 0 ? LONGEST.length : at
}

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((one, other) => rank(one) - rank(other))
  }
}
