/** Names that the checks and their actors have in common. */

/** The chain that all writers share. */
export const SHARED = 'shared'
/** The chain whose rules are of one generation, all or none. */
export const GENERATION = 'generation'
/** How many rules a generation has. */
export const GENERATION_RULES = 40
