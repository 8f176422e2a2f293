/** The graph layout library. It is bundled into this file when the package is built, so users do not install it. */
export { Graph, layout } from '@dagrejs/dagre'
