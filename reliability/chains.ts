/** Names that the checks and their actors have in common. */
import type { FamilyName } from '../src/index'

/** The chain that all writers share. */
export const SHARED = 'shared'
/** The chain whose rules are of one generation, all or none. */
export const GENERATION = 'generation'
/** How many rules a generation has. */
export const GENERATION_RULES = 40

/** The backend that is tried. */
export const isNft = (): boolean => process.env['XTABLES_BACKEND'] === 'nft'

/** The tool that is an other writer there. */
export const toolOf = (family: FamilyName): string =>
  `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${isNft() ? 'nft' : 'legacy'}`
